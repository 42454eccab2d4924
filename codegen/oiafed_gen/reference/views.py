"""What the templates of the reference lay out. Texts are escaped by the templates; `Markup` is HTML already."""

from __future__ import annotations

import dataclasses

from markupsafe import Markup


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """A text and where it leads."""

    text: str
    address: str

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of an element `a`; one without an address leads nowhere."""
        return {"href": self.address} if self.address else {}


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """A part of a page, or of the reference, and what is in it."""

    title: str
    address: str
    links: tuple[Link, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds the content of every page.

    Attributes:
        header: What the first line says: that the page is generated.
        root: How the page refers to the folder of the reference.
        crumbs: The pages above this one, the topmost first.
    """

    header: str
    title: str
    root: str
    crumbs: tuple[Link, ...]
    contents: tuple[Contents, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """A word about something; `look` is a class of the style sheet."""

    text: str
    look: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """A property of something."""

    name: str
    value: Markup


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A field, a parameter, an enum's value, a result or an error.

    Attributes:
        id: Its anchor.
        name: Its name in Python.
        mark: What stands between name and type.
        type: Its type in Python, or what stands for it.
        default: Its default in Python, behind ` = `.
        notes: What else there is to know: its type in the schema, its number, its name on the wire.
    """

    id: str
    name: str
    mark: str
    type: Markup
    default: str
    notes: tuple[str, ...]
    badges: tuple[Badge, ...]
    doc: Markup


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """Entries under a title, which may have a text of its own."""

    title: str
    entries: tuple[Entry, ...]
    doc: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TypeView:
    """An enum, a record or an error."""

    id: str
    name: str
    badges: tuple[Badge, ...]
    doc: Markup
    statement: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TypeGroup:
    """The types of one kind in a package."""

    id: str
    title: str
    types: tuple[TypeView, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParameterView:
    """A parameter within a signature, with the comma behind it, if any."""

    name: str
    type: Markup
    default: str
    comma: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """A method of a role.

    Attributes:
        head: What a definition of the proxy's method begins with, up to the name.
        result: What it gives, behind the arrow.
    """

    id: str
    name: str
    head: str
    parameters: tuple[ParameterView, ...]
    result: Markup
    badges: tuple[Badge, ...]
    doc: Markup
    sections: tuple[Section, ...]
    facts: tuple[Fact, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A role or package in a list."""

    title: Link
    note: str
    badges: tuple[Badge, ...]
    doc: Markup
    links: tuple[Link, ...]

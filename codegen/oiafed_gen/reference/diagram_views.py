"""What the template of the diagram lays out."""

from __future__ import annotations

import dataclasses

from oiafed_gen.reference.views import Link


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A line of text at a place."""

    text: str
    x: int
    y: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A role; `look` is a class of the style sheet, and `title` says all that does not fit."""

    x: int
    y: int
    width: int
    height: int
    look: str
    title: str
    name: Text
    rows: tuple[Text, ...]
    link: dict[str, str]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A line with its head; `look` is a class of the style sheet."""

    path: str
    head: str
    look: str
    title: str


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A row of the table that says the same; `methods` are of the role `role`."""

    callers: tuple[Link, ...]
    role: Link
    methods: tuple[Link, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """Boxes and arrows; `description` is all of it in words."""

    width: int
    height: int
    description: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """A drawing, unless there is too much to draw, and a table.

    Attributes:
        caption: What arrows mean, or why there are none.
        table: The attributes of the element `details` that holds the table.
    """

    id: str
    title: str
    drawings: tuple[Drawing, ...]
    caption: str
    table: dict[str, str]
    rows: tuple[Row, ...]

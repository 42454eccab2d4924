"""YAML text to a tree that knows where each node was written.

The tree is built from the parser's events, without recursion and without constructing any Python object, so that
no input can run code, exhaust the stack or grow beyond its own size. Schemas need no anchors, aliases or tags.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Protocol, TypeAlias

import yaml

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_DEPTH = 32  # a schema needs eight


class Scalar(NamedTuple):
    """Text, with whether it was written without quotes and so may stand for a number, a truth value or nothing."""

    location: Location
    text: str
    plain: bool

    @property
    def empty(self) -> bool:
        """Whether nothing was written."""
        return self.plain and self.text in ("", "~", "null")


@dataclasses.dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    location: Location
    items: list[Node] = dataclasses.field(default_factory=list["Node"])


@dataclasses.dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, each once, in the order written."""

    location: Location
    entries: dict[str, tuple[Scalar, Node]] = dataclasses.field(default_factory=dict[str, tuple[Scalar, "Node"]])


Node: TypeAlias = Scalar | Sequence | Mapping


class _AbandonedError(Exception):
    """The rest of the file cannot be understood; the reason is already among the problems."""


def parse(file: str, text: str, problems: Problems) -> Node | None:
    """Return the tree of a YAML file, or None where its text is not YAML that a schema may use."""
    builder = _Builder(file, problems)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.feed(event)
    except _AbandonedError:
        return None
    except yaml.YAMLError as error:
        place = _error_location(file, text, error)
        problems.add(place, Code.YAML_SYNTAX, f"not valid YAML: {_error_text(error)}{_tab_hint(text, place)}")
        return None
    if builder.root is None:
        problems.add(Location(file), Code.NOT_A_SCHEMA, "the file is empty")
    return builder.root


class _Builder:
    """Puts the tree together from the parser's events."""

    def __init__(self, file: str, problems: Problems) -> None:
        self.root: Node | None = None
        self._file = file
        self._problems = problems
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []  # for each open mapping, the key whose value comes next

    def feed(self, event: yaml.Event) -> None:
        """Take the next event."""
        match event:
            case yaml.ScalarEvent():
                self._refuse_extras(event, event.tag)
                self._add(Scalar(self._at(event), event.value, not event.style))
            case yaml.SequenceStartEvent():
                self._start(Sequence(self._at(event)), event)
            case yaml.MappingStartEvent():
                self._start(Mapping(self._at(event)), event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()
                self._keys.pop()
            case yaml.AliasEvent():
                self._abandon(event, "aliases (*) are not supported in schemas")
            case yaml.DocumentStartEvent() if self.root is not None:
                self._abandon(event, "a schema file holds a single YAML document")
            case _:
                pass

    def _start(self, node: Sequence | Mapping, event: yaml.CollectionStartEvent) -> None:
        self._refuse_extras(event, event.tag)
        if len(self._open) >= _MAX_DEPTH:
            self._abandon(event, "nested too deeply for a schema")
        self._add(node)
        self._open.append(node)
        self._keys.append(None)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        else:
            self._add_to_mapping(parent, node)

    def _add_to_mapping(self, parent: Mapping, node: Node) -> None:
        key = self._keys[-1]
        if key is not None:
            self._keys[-1] = None
            self._put(parent, key, node)
        elif isinstance(node, Scalar):
            self._keys[-1] = node
        else:
            self._problems.add(node.location, Code.YAML_SYNTAX, "a key must be text, not a list or a mapping")
            self._keys[-1] = Scalar(node.location, "", plain=False)

    def _put(self, parent: Mapping, key: Scalar, node: Node) -> None:
        former = parent.entries.get(key.text)
        if former is None:
            parent.entries[key.text] = (key, node)
        else:
            line = former[0].location.line
            self._problems.add(key.location, Code.DUPLICATE_KEY, f"'{key.text}' is given twice; first on line {line}")

    def _refuse_extras(self, event: yaml.NodeEvent, tag: str | None) -> None:
        if event.anchor is not None:
            self._abandon(event, "anchors (&) are not supported in schemas")
        if tag is not None:
            self._abandon(event, "tags (!) are not supported in schemas")

    def _abandon(self, event: yaml.Event, message: str) -> None:
        self._problems.add(self._at(event), Code.YAML_FEATURE, message)
        raise _AbandonedError

    def _at(self, event: yaml.Event) -> Location:
        return _location(self._file, event.start_mark)


class _Mark(Protocol):
    """What the marks of PyYAML's two parsers share."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def _location(file: str, mark: _Mark | None) -> Location:
    return Location(file) if mark is None else Location(file, mark.line + 1, mark.column + 1)


def _error_location(file: str, text: str, error: yaml.YAMLError) -> Location:
    if isinstance(error, yaml.MarkedYAMLError):
        return _location(file, error.problem_mark)
    index = next((i for i, character in enumerate(text) if not _printable(character)), 0)
    return Location(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _error_text(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return ", ".join(part for part in (error.context, error.problem) if part)
    return "a character that YAML does not allow"


def _tab_hint(text: str, place: Location) -> str:
    line = "".join(text.splitlines()[place.line - 1 : place.line])
    return "; indent with spaces, not with tabs" if line[place.column - 1 : place.column] == "\t" else ""


def _printable(character: str) -> bool:
    """Whether YAML allows the character in its text (YAML 1.1, production c-printable)."""
    return (
        character in "\t\n\r\x85"
        or " " <= character <= "~"
        or "\xa0" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )

"""Mistakes in schemas: where they are, what they are, and how they are gathered."""

from __future__ import annotations

import bisect
import dataclasses
import difflib
import enum
from collections.abc import Iterable
from typing import NamedTuple

from oiafed_gen.codes import Code

_NEIGHBOURS = 100  # names before and behind an unknown one among which the right one is looked for


class Location(NamedTuple):
    """A place in a schema file; a tuple, since each word of a schema has one.

    Attributes:
        file: The file's path relative to the schema root, with `/`.
        line: The line, counted from 1.
        column: The column in characters, counted from 1.
    """

    file: str
    line: int = 1
    column: int = 1

    def shifted(self, columns: int) -> Location:
        """Return the place `columns` characters to the right."""
        return Location(self.file, self.line, self.column + columns)


class Severity(enum.StrEnum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One mistake: its place, its kind, what it is, and how bad."""

    location: Location
    code: Code
    message: str
    severity: Severity = Severity.ERROR

    def text(self, root: str = "") -> str:
        """Return `file:line:col: error[code]: message`, with the file's path below `root`."""
        place = self.location
        return printable(f"{self.path(root)}:{place.line}:{place.column}: {self.title}: {self.message}")

    @property
    def title(self) -> str:
        """The severity and the code: `error[unknown-type]`."""
        return f"{self.severity}[{self.code}]"

    def path(self, root: str) -> str:
        """Return the file's path below `root`; of what no single file is to blame for, the root itself."""
        file = self.location.file
        return f"{root.rstrip('/')}/{file}" if root and file else root or file


def printable(text: str) -> str:
    """Return text with what a terminal would act on spelled as Python's escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Problems:
    """Gathers diagnostics, so that one run can show every mistake."""

    def __init__(self) -> None:
        self._found: set[Diagnostic] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, location: Location, code: Code, message: str, severity: Severity = Severity.ERROR) -> None:
        """Record a mistake; the same mistake at the same place counts once."""
        self._found.add(Diagnostic(location, code, message, severity))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return what was found by file, line and column."""
        return tuple(sorted(self._found))


class SchemaError(Exception):
    """The schema has mistakes, so there is nothing to generate.

    Attributes:
        diagnostics: Every mistake found, sorted by place.
    """

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(diagnostic.text() for diagnostic in diagnostics))
        self.diagnostics = diagnostics


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the known name nearest to `name`, or nothing where none is near."""
    near = nearest(name, known)
    return f"; did you mean '{near}'?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name nearest to `name`; "" where none is near."""
    names = sorted(known)
    if len(names) > 2 * _NEIGHBOURS:  # the time for all would be felt where many names are unknown
        place = bisect.bisect(names, name)
        names = names[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.65)
    return near[0] if near else ""

"""Mistakes in schemas: where they are, what they are, and how they are gathered."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Location:
    """A place in a schema file.

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


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """One mistake and its place."""

    location: Location
    message: str

    def text(self, root: str = "") -> str:
        """Return `file:line:col: message`, with the file's path below `root`."""
        place = self.location
        path = f"{root.rstrip('/')}/{place.file}" if root and place.file else root or place.file
        return _printable(f"{path}:{place.line}:{place.column}: {self.message}")


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Problems:
    """Gathers diagnostics, so that one run can show every mistake."""

    def __init__(self) -> None:
        self._found: set[Diagnostic] = set()

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, location: Location, message: str) -> None:
        """Record a mistake; the same mistake at the same place counts once."""
        self._found.add(Diagnostic(location, message))

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
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.65)
    return f"; did you mean '{near[0]}'?" if near else ""

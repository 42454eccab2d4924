"""Diagnostics as people and programs want to see them: text with the source line, JSON, GitHub's annotations."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from oiafed_gen.diagnostics import Diagnostic, Location, Severity, printable

Lines = Mapping[str, list[str]]
"""The lines of each schema file by its path relative to the schema root."""

_WORD = re.compile(r"""[\w.-]+|"(?:[^"\\]|\\.)*"|'[^']*'|.""")  # what a caret underlines
_WIDTH = 110  # characters of a source line that are shown
_BEFORE = 60  # of which so many before the place, where the line is longer


def as_text(found: Iterable[Diagnostic], root: str, lines: Lines) -> str:
    """Return each diagnostic as `file:line:col: error[code]: message`, its source line, and a caret below the place."""
    return "".join(f"{each.text(root)}\n{_excerpt(each.location, lines)}" for each in found)


def as_json(found: Iterable[Diagnostic], root: str, lines: Lines) -> str:
    """Return the diagnostics as an array of `file`, `line`, `column`, `severity`, `code` and `message`."""
    listed = [
        {
            "file": each.path(root),
            "line": each.location.line,
            "column": each.location.column,
            "severity": each.severity,
            "code": each.code,
            "message": each.message,
        }
        for each in found
    ]
    return json.dumps(listed, indent=2) + "\n"


def as_github(found: Iterable[Diagnostic], root: str, lines: Lines) -> str:
    """Return workflow commands, which GitHub Actions shows at the lines of a pull request.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(
        f"::{'error' if each.severity is Severity.ERROR else 'warning'} "
        f"file={_property(each.path(root))},line={each.location.line},col={each.location.column},"
        f"title={_property(each.title)}::{_data(each.message)}\n"
        for each in found
    )


FORMATS: Mapping[str, Callable[[Iterable[Diagnostic], str, Lines], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
}
"""How diagnostics are written, by the name of the format."""


def _excerpt(place: Location, lines: Lines) -> str:
    """Return the source line with a caret below the place; nothing where the place is no line of a known file."""
    known = lines.get(place.file, [])
    if not place.line <= len(known) or not 0 < place.column <= len(known[place.line - 1]) + 1:
        return ""
    line = known[place.line - 1]
    if not line.strip():
        return ""
    start = place.column - 1
    cut = 0 if len(line) <= _WIDTH else max(0, start - _BEFORE)
    shown = line[cut : cut + _WIDTH]
    word = _WORD.match(shown, start - cut)
    marked = word[0] if word else " "
    gutter = " " * len(str(place.line))
    indent = "".join("\t" if c == "\t" else " " * _columns(c) for c in shown[: start - cut])
    text = "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
    return f" {place.line} | {text}\n {gutter} | {indent}{'^' * max(1, sum(map(_columns, marked)))}\n"


def _columns(character: str) -> int:
    """Return how many columns of a terminal a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("F", "W") else 1


def _data(text: str) -> str:
    return printable(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")

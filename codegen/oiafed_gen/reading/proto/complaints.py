"""What protoc says of mistakes that both languages know, in this project's words and at the place of the mistake."""

from __future__ import annotations

import re

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Location, suggestion

_RESERVED_NUMBER = re.compile(r'(?:Field|Enum value) "(?P<name>\w+)" uses reserved number (?P<number>-?\d+)\.')
_UNKNOWN_OPTION = re.compile(r'Option "\((?P<name>oiafed\.v1\.\w+)\)" unknown\..*')
_RESERVED_NAME = re.compile(r'(?:Field name|Enum value) "(?P<name>\w+)" is reserved\.')

_OPTIONS_FILE = "oiafed/v1/options.proto"
_OPTIONS = [f"oiafed.v1.{name}" for name in ("default", "error", "method", "python", "role")]

FOLLOWING = ("Import ", "File recursively imports itself", "File not found.", "Suggested field numbers for ")
"""How messages start that only follow from what is told otherwise."""


def translated(location: Location, text: str, lines: list[str]) -> Diagnostic | None:
    """Return a message of protoc's as a diagnostic of this project's own; None where it has none.

    Args:
        location: Where protoc sees the mistake.
        text: The message.
        lines: The lines of the file.
    """
    if match := _RESERVED_NUMBER.fullmatch(text):
        message = f"'{match['name']}' has the number {match['number']}, which is reserved here"
        return Diagnostic(_declaration(match["name"], location, lines), Code.RESERVED, message)
    if match := _RESERVED_NAME.fullmatch(text):
        return Diagnostic(location, Code.RESERVED, f"'{match['name']}' is reserved here; choose another name")
    if match := _UNKNOWN_OPTION.fullmatch(text):
        known = any(_OPTIONS_FILE in line for line in lines)
        hint = suggestion(match["name"], _OPTIONS) if known else f'; add `import "{_OPTIONS_FILE}";`'
        return Diagnostic(location, Code.PROTOC, f"unknown option '{match['name']}'{hint}")
    return None


def _declaration(name: str, near: Location, lines: list[str]) -> Location:
    """Return where a name is given a number, the nearest such place: protoc tells where the number is reserved."""
    pattern = re.compile(rf"\b{name}\s*=")
    found = ((number, match) for number, line in enumerate(lines, 1) for match in pattern.finditer(line))
    places = [Location(near.file, number, match.start() + 1) for number, match in found]
    return min(places, key=lambda place: abs(place.line - near.line), default=near)

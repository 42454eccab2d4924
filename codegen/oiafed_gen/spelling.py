"""The spellings of names: PascalCase for services and methods on the wire, snake_case for Python, dotted in full."""

from __future__ import annotations

import re

_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def pascal(name: str) -> str:
    """Return `fit_round` as `FitRound`; what is PascalCase already stays as it is."""
    spelled = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return spelled if spelled[:1].isalpha() else f"X{spelled}"


def snake(name: str) -> str:
    """Return `FitRound` as `fit_round` and `HTTPServer` as `http_server`."""
    return _WORD_STARTS.sub("_", name).lower()


def json_name(name: str) -> str:
    """Return the name of a field in protobuf's JSON form."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def map_entry(name: str) -> str:
    """Return the name of the message that protobuf makes for the entries of the map field `name`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Entry"


def qualified(outer: str, name: str) -> str:
    """Return the full name of what is called `name` inside `outer`, a package or message; "" is no package."""
    return f"{outer}.{name}" if outer else name

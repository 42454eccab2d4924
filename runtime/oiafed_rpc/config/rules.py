"""What single values of a configuration must be. A rule takes what was written and gives the value, or refuses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeAlias, cast

from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.problems import InvalidError, Path

Check: TypeAlias = Callable[[object], Any]
"""Gives the value, or raises InvalidError. What it gave, it takes again and gives unchanged."""


class Rule(NamedTuple):
    """The check of a field, put beside its type: `port: Annotated[int, Rule(port)]`."""

    check: Check


LONGEST = 100_000_000
"""Seconds of the longest timeout: three years, which gRPC can still express."""

_CUSTOM = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PATTERN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?")
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[A-Za-z]*)")
_UNITS = {"": 1, "B": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("KMGT", 1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}


def shown(value: object) -> str:
    """A value as an error may tell of it: never what came from the environment, and never at length."""
    text = value.shown if isinstance(value, Filled) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: Sequence[str]) -> str:
    """` (did you mean 'x'?)` where one of the known words is near, else nothing."""
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def text(value: object) -> str:
    """Text, with something in it."""
    if not isinstance(value, str):
        raise InvalidError(f"must be text, not {shown(value)}: put it in quotes")
    if not value:
        raise InvalidError("must not be empty")
    return str(value)


def name(value: object) -> str:
    """The id or the role of a node."""
    found = text(value)
    if not found.isprintable() or any(char.isspace() or char in "@/" for char in found):
        raise InvalidError(f"must be printable, without spaces, '@' and '/', not {shown(value)}")
    return found


def host(value: object) -> str:
    """A host name or an IP address."""
    found = text(value)
    if not found.isprintable() or any(char.isspace() or char in "@/[]" for char in found):
        raise InvalidError(f"must be a host name or an IP address, not {shown(value)}")
    return found


def port(value: object) -> int:
    """A TCP port; 0 stands for any free one."""
    number = _number(value)
    if not isinstance(number, int) or not 0 <= number <= 65535:
        raise InvalidError(f"must be a whole number from 0 (any free port) to 65535, not {shown(value)}")
    return number


def seconds(value: object) -> float:
    """A length of time."""
    number = _number(value)
    if number is None or not 0 < number <= LONGEST:
        raise InvalidError(f"must be a number of seconds above 0 and up to {LONGEST:,}, not {shown(value)}")
    return float(number)


def size(value: object) -> int:
    """A number of bytes: `1048576`, `512MB` (1000²), `16GiB` (1024³)."""
    if isinstance(value, int) and not isinstance(value, bool):
        number: float = value
    else:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        unit = _UNITS.get(match["unit"]) if match else None
        number = float(match["number"]) * unit if match and unit else 0
    if number < 1:
        raise InvalidError(f"must be a size such as 16GiB, 512MB or a number of bytes, not {shown(value)}")
    return int(number)


def pattern(value: object) -> str:
    """Which classes pickle may load: a dotted name, or a package followed by `.*`."""
    found = text(value)
    if not _PATTERN.fullmatch(found):
        raise InvalidError(f"must be a dotted name such as mypackage.Model or mypackage.*, not {shown(value)}")
    return found


def choice(*names: str, later: tuple[str, ...] = ()) -> Check:
    """One of some names, or a class of the user's own as `module:Class`; `later` names what is planned."""

    def check(value: object) -> str:
        found = text(value)
        if found in later:
            raise InvalidError(f"{shown(value)} is not supported by this version yet: use {_alternatives(names)}")
        if found not in names and not _CUSTOM.fullmatch(found):
            hint = "" if isinstance(value, Filled) else nearest(found, names)
            raise InvalidError(f"must be {_alternatives(names)}, not {shown(value)}{hint}")
        return found

    return check


def _alternatives(names: tuple[str, ...]) -> str:
    return f"{', '.join(names)} or module:Class"


def each(check: Check) -> Check:
    """A list, every item of which passes a check."""

    def check_all(value: object) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidError(f"must be a list, not {shown(value)}: write it in brackets, [a, b]")
        found: list[Any] = []
        problems: dict[Path, str] = {}
        for index, item in enumerate(cast("Sequence[object]", value)):
            try:
                found.append(check(item))
            except InvalidError as error:
                problems |= error.under(index)
        if problems:
            raise InvalidError(problems)
        return tuple(found)

    return check_all


def mapping(value: object, example: str) -> dict[str, object]:
    """A mapping with text for keys."""
    if not isinstance(value, Mapping):
        raise InvalidError(f"must be a mapping such as {example}, not {shown(value)}")
    pairs = cast("Mapping[object, object]", value)
    return {str(key): item for key, item in pairs.items()}


def _number(value: object) -> int | float | None:
    """A number; one that came from the environment arrives as text."""
    if not isinstance(value, Filled):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None

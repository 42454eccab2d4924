"""What single values, lists and mappings of a configuration must be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import Rule, like, nearest, shown, single, text

T = TypeVar("T")

LONGEST = 100_000_000
"""Seconds of the longest timeout: three years, which gRPC can still express."""

MOST_ATTEMPTS = 1000
"""A call that failed as often has failed."""

MOST_CALLS = 1_000_000
"""As good as no limit: a process has not the memory for more calls at a time."""

_LARGEST = (1 << 63) - 1
_CUSTOM = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
_PATTERN = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(\.\*)?"
_UNITS = {"B": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("KMGT", 1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}
_SIZE = rf"\s*(?P<number>\d+(\.\d+)?)\s*(?P<unit>{'|'.join(_UNITS)})?\s*"
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@single(like(r"[^\s@/]+"))
def name(value: object) -> str:
    """The id or the role of a node."""
    found = text(value)
    if not found.isprintable() or any(char.isspace() or char in "@/" for char in found):
        raise InvalidError(f"must be printable, without spaces, '@' and '/', not {shown(value)}")
    return found


@single({"type": "boolean"})
def truth(value: object) -> bool:
    """Yes or no; text from the environment is read as YAML reads it."""
    found = _TRUTHS.get(value.lower()) if isinstance(value, Filled) else value
    if not isinstance(found, bool):
        raise InvalidError(f"must be true or false, not {shown(value)}")
    return found


@single({"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS})
def attempts(value: object) -> int:
    """How often to try."""
    number = plain_number(value)
    if not isinstance(number, int) or not 1 <= number <= MOST_ATTEMPTS:
        raise InvalidError(f"must be a whole number from 1 to {MOST_ATTEMPTS:,}, not {shown(value)}")
    return number


@single({"type": "integer", "minimum": 1, "maximum": MOST_CALLS})
def count(value: object) -> int:
    """A number of things that there may be."""
    return _whole(value, 1)


@single({"type": "integer", "minimum": 0, "maximum": MOST_CALLS})
def room(value: object) -> int:
    """A number of things that there may be, or none."""
    return _whole(value, 0)


def _whole(value: object, least: int) -> int:
    number = plain_number(value)
    if not isinstance(number, int) or not least <= number <= MOST_CALLS:
        raise InvalidError(f"must be a whole number from {least} to {MOST_CALLS:,}, not {shown(value)}")
    return number


@single({"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST})
def seconds(value: object) -> float:
    """A length of time."""
    number = plain_number(value)
    if number is None or not 0 < number <= LONGEST:
        raise InvalidError(f"must be a number of seconds above 0 and up to {LONGEST:,}, not {shown(value)}")
    return float(number)


@single({"type": "number", "minimum": 0, "maximum": LONGEST})
def pause(value: object) -> float:
    """A length of time that may be nothing."""
    number = plain_number(value)
    if number is None or not 0 <= number <= LONGEST:
        raise InvalidError(f"must be a number of seconds from 0 to {LONGEST:,}, not {shown(value)}")
    return float(number)


@single({"type": "integer", "minimum": 1, "maximum": _LARGEST}, like(_SIZE))
def size(value: object) -> int:
    """A number of bytes: `1048576`, `512MB` (1000²), `16GiB` (1024³)."""
    if isinstance(value, int) and not isinstance(value, bool):
        number: float = value
    else:
        match = re.fullmatch(_SIZE, value) if isinstance(value, str) else None
        number = float(match["number"]) * _UNITS[match["unit"] or "B"] if match else 0
    if not 1 <= number <= _LARGEST:
        raise InvalidError(f"must be a size such as 16GiB, 512MB or a number of bytes, not {shown(value)}")
    return int(number)


@single(like(_PATTERN))
def pattern(value: object) -> str:
    """Which classes pickle may load: a dotted name, or a package followed by `.*`."""
    found = text(value)
    if not re.fullmatch(_PATTERN, found):
        raise InvalidError(f"must be a dotted name such as mypackage.Model or mypackage.*, not {shown(value)}")
    return found


def choice(*names: str, custom: bool = True) -> Rule[str]:
    """One of some names, or, where `custom`, a class of the user's own as `module:Class`."""
    alternatives = f"{', '.join(names)} or module:Class" if custom else f"{', '.join(names[:-1])} or {names[-1]}"
    own = [like(_CUSTOM)] if custom else []

    @single({"enum": list(names)}, *own)
    def rule(value: object) -> str:
        found = text(value)
        if found not in names and not (custom and re.fullmatch(_CUSTOM, found)):
            hint = "" if isinstance(value, Filled) else nearest(found, names)
            raise InvalidError(f"must be {alternatives}, not {shown(value)}{hint}")
        return found

    return rule


def each(rule: Rule[T]) -> Rule[tuple[T, ...]]:
    """A list, every item of which keeps a rule."""

    def check(value: object) -> tuple[T, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise InvalidError(f"must be a list, not {shown(value)}: write it in brackets, [a, b]")
        found: list[T] = []
        problems: dict[Path, str] = {}
        for index, item in enumerate(cast("Sequence[object]", value)):
            try:
                found.append(rule(item))
            except InvalidError as error:
                problems |= error.under(index)
        if problems:
            raise InvalidError(problems)
        return tuple(found)

    return Rule(check, {"type": "array", "items": rule.schema})


def mapping(value: object, example: str) -> dict[str, object]:
    """The check of a mapping with text for keys."""
    if not isinstance(value, Mapping):
        raise InvalidError(f"must be a mapping such as {example}, not {shown(value)}")
    pairs = cast("Mapping[object, object]", value)
    return {str(key): item for key, item in pairs.items()}


def plain_number(value: object) -> int | float | None:
    """A number, None for what is none; one that came from the environment arrives as text."""
    if not isinstance(value, Filled):
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return None

"""How large a value is, about: by the bytes that it has, not by how they would be written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, cast

_LEAST = 8  # bytes of a number, and of what is not looked into
_DEEPEST = 32


def size_of(value: object, depth: int = 0) -> int:
    """The bytes of a value: of arrays and texts what they hold, of all else what their parts have together."""
    if isinstance(value, bytes | bytearray | str):
        return len(value) + _LEAST
    nbytes = getattr(value, "nbytes", None)
    if isinstance(nbytes, int):
        return nbytes + _LEAST
    return _LEAST + sum(size_of(each, depth + 1) for each in _parts(value)) if depth < _DEEPEST else _LEAST


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return [part for pair in pairs.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[object]", value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept: Any = value
        return [getattr(kept, field.name, None) for field in dataclasses.fields(kept)]
    return ()

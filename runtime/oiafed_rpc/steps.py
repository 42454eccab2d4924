"""Long work of C functions in steps, between which other threads, such as the event loop's, can have the GIL."""

from __future__ import annotations

import io
from collections.abc import Collection
from itertools import islice
from typing import Any

_BYTES = 1 << 20
_ITEMS = 1 << 16


def copied(memory: bytes | bytearray | memoryview) -> bytes:
    """The content of a memory; bytes are given as they are."""
    if isinstance(memory, bytes):
        return memory
    if len(memory) <= _BYTES:
        return bytes(memory)
    view, stream = memoryview(memory), io.BytesIO()
    for start in range(0, len(memory), _BYTES):
        stream.write(view[start : start + _BYTES])
    return stream.getvalue()


def are_of(kinds: frozenset[type[Any]], values: Collection[object]) -> bool:
    """Whether each of the values is of one of these classes itself."""
    if len(values) <= _ITEMS:
        return kinds.issuperset(map(type, values))
    rest = iter(values)
    while step := set(map(type, islice(rest, _ITEMS))):
        if not step <= kinds:
            return False
    return True

"""Whether writing or reading a payload would hold the event loop for longer than other calls should wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.shadowed import byte_size
from oiafed_rpc.records import Record
from oiafed_rpc.serializer.base import Buffer

_MOST = 10_000  # values: the slowest serializer writes as many in some milliseconds
_BYTES = 1024  # of text and bytes, which are copied, for one value
_MOST_BYTES = 1 << 17

_SEQUENCES = (list, tuple, set, frozenset)


def takes_long_to_write(payload: object, *, arrays: bool) -> bool:
    """Whether a payload has so much in it that it is to be written in a thread.

    Args:
        payload: The payload.
        arrays: Whether the memory of its arrays is copied too.
    """
    left = _MOST
    todo: list[Any] = [payload]
    while todo and left >= 0:
        value = todo.pop()
        weight, inner = _content(value, arrays=arrays)
        left -= weight
        if left >= 0:
            todo.extend(inner)
    return left < 0


def takes_long_to_read(data: Buffer) -> bool:
    """Whether a message is so large that it is to be read in a thread."""
    return len(data) > _MOST_BYTES


def _content(value: Any, *, arrays: bool) -> tuple[int, Iterable[Any]]:
    """The weight of a value without those in it, and these."""
    if isinstance(value, str | bytes | bytearray):
        return 1 + len(value) // _BYTES, ()
    if isinstance(value, dict):
        items = cast("dict[object, object]", value)
        return 1 + 2 * len(items), items.values()
    if isinstance(value, _SEQUENCES):
        values = cast("list[object]", value)
        return 1 + len(values), values
    if isinstance(value, np.ndarray):
        return 8 + (value.nbytes // _BYTES if arrays else 0), ()
    if isinstance(value, Record):
        return 1, [getattr(value, field.name) for field in dataclasses.fields(cast("Any", value))]
    if isinstance(value, ProtoMessage):
        return 1 + byte_size(value) // _BYTES, ()
    return 1, ()

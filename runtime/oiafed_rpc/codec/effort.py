"""Whether writing or reading a payload would hold the event loop for longer than other calls should wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from types import NoneType
from typing import Any

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.shadowed import byte_size
from oiafed_rpc.records import Record
from oiafed_rpc.serializer.base import Buffer, kind_of

_MOST = 5000  # values: the slowest serializer writes as many in some ten milliseconds
_BYTES = 1024  # of text and bytes, which are copied, for one value
_MOST_BYTES = 1 << 14  # the slowest reads a value of ten of them in ten microseconds
_MOST_COMPRESSED = 1 << 10
_MOST_TO_COMPRESS = 1 << 18

_ATOMS: frozenset[type[Any]] = frozenset({NoneType, bool, int, float})


def takes_long_to_write(payload: object, *, arrays: bool) -> bool:
    """Whether a payload has so much in it that it is to be written in a thread.

    Args:
        payload: The payload.
        arrays: Whether the memory of its arrays is copied too.
    """
    left = _MOST
    todo: list[Any] = [payload]
    while todo:
        weight, inner = _content(todo.pop(), arrays=arrays)
        left -= weight
        if left < 0:
            return True
        todo += [value for value in inner if type(value) not in _ATOMS]
    return False


def takes_long_to_read(data: Buffer, *, compressed: bool) -> bool:
    """Whether a message is so large that it is to be read in a thread."""
    return len(data) > (_MOST_COMPRESSED if compressed else _MOST_BYTES)


def takes_long_to_compress(data: Buffer) -> bool:
    """Whether a message is so large that it is to be compressed in a thread."""
    return len(data) > _MOST_TO_COMPRESS


def _content(value: Any, *, arrays: bool) -> tuple[int, Iterable[Any]]:
    """The weight of a value without those in it that are not numbers, and all of these."""
    kind = kind_of(value)
    if issubclass(kind, str | bytes | bytearray):
        return 1 + len(value) // _BYTES, ()
    if issubclass(kind, dict):
        return 1 + 2 * len(value), value.values()
    if issubclass(kind, list | tuple | set | frozenset):
        return 1 + len(value), value
    if issubclass(kind, np.ndarray):
        return 8 + (value.nbytes // _BYTES if arrays else 0), ()
    if issubclass(kind, Record):
        return 1, [getattr(value, field.name) for field in dataclasses.fields(value)]
    if issubclass(kind, ProtoMessage):
        return 1 + byte_size(value) // _BYTES, ()
    state: Any = getattr(value, "__dict__", None)  # of a class that only pickle carries
    return 1, state.values() if kind_of(state) is dict else ()

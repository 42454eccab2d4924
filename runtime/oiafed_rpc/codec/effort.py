"""Whether writing or reading a payload would hold the event loop for longer than other calls should wait."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import NoneType
from typing import Any

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.native import OWN
from oiafed_rpc.codec.shadowed import byte_size
from oiafed_rpc.descriptors import reached
from oiafed_rpc.records import Record
from oiafed_rpc.serializer.base import Buffer, kind_of

_MOST = 5000  # values: the slowest serializer writes as many in some ten milliseconds
_BYTES = 1024  # of text and bytes, which are copied, for one value
_MOST_BYTES = 1 << 14  # the slowest reads a value of ten of them in ten microseconds
_MOST_COMPRESSED = 1 << 10
_MOST_TO_COMPRESS = 1 << 18

_ATOMS: frozenset[type[Any]] = frozenset({NoneType, bool, int, float})


@functools.cache  # of constants
def can_be_large(message: Descriptor) -> bool:
    """Whether a message has room for anything but a fixed number of numbers."""
    return any(map(_can_be_large, (field for each in reached(message).values() for field in each.fields)))


@functools.cache
def holds_arrays(message: Descriptor) -> bool:
    """Whether a message has a place for arrays."""
    return not reached(message).keys().isdisjoint(OWN)


def _can_be_large(field: FieldDescriptor) -> bool:
    return field.is_repeated or field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


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
    if issubclass(kind, dict):
        return 1 + 2 * len(value), value.values()
    if issubclass(kind, Record):
        names: tuple[str, ...] = kind.__slots__
        return 1, [getattr(value, name) for name in names]
    if issubclass(kind, (str, bytes, bytearray)):
        return 1 + len(value) // _BYTES, ()
    if issubclass(kind, np.ndarray):
        return 8 + (value.nbytes // _BYTES if arrays else 0), ()
    if issubclass(kind, (list, tuple, set, frozenset)):
        return 1 + len(value), value
    if issubclass(kind, ProtoMessage):
        return 1 + byte_size(value) // _BYTES, ()
    state: Any = getattr(value, "__dict__", None)  # of a class that only pickle carries
    return 1, state.values() if kind_of(state) is dict else ()

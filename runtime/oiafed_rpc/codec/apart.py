"""Large buffers apart from the message that they belong to, which holds their places only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.bulk.runs import Run, run_of
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.shadowed import serialized
from oiafed_rpc.records import Tensor
from oiafed_rpc.serializer import Packed, Serializers
from oiafed_rpc.serializer.base import Buffer
from oiafed_rpc.steps import copied
from oiafed_rpc.system.wire import tensor_pb2

THRESHOLD = 1 << 20
"""Bytes of buffers from which on they leave their message."""

_SMALLEST = 4096  # bytes; smaller buffers stay in any case


class Place(NamedTuple):
    """Where a message has a buffer.

    Attributes:
        point: Tells a message the index of the buffer beside it.
        put: Puts the buffer into the message after all.
    """

    point: Callable[[Any, int], None]
    put: Callable[[Any, bytes], None]


class Leaving(Serializers):
    """Serializers that leave the buffers of a message out of it, if all together they are worth it.

    Args:
        serializers: What objects are written with.

    Attributes:
        runs: The buffers that the message has left out, once it is `finished`.
    """

    def __init__(self, serializers: Serializers) -> None:
        vars(self).update(vars(serializers))
        self.runs: Sequence[Run] = ()
        self._left: list[tuple[Run, ProtoMessage, Place]] = []

    def leave(self, value: Tensor | Buffer, message: ProtoMessage, place: Place) -> None:
        """Leave a buffer out of a message for now.

        Args:
            value: The buffer.
            message: The message.
            place: Where in the message it belongs.
        """
        self._left.append((run_of(value), message, place))

    def settle(self) -> None:
        """See what becomes of the buffers that were left out."""
        if sum(run.nbytes for run, _, _ in self._left) < THRESHOLD:
            for run, message, place in self._left:
                place.put(message, bytes(run.view(0, run.nbytes)))
            return
        for index, (_, message, place) in enumerate(self._left):
            place.point(message, index)
        self.runs = [run for run, _, _ in self._left]


class Beside(Serializers):
    """Serializers that find the buffers which a message has left out.

    Args:
        serializers: What objects are read with.
        buffers: The buffers.
    """

    def __init__(self, serializers: Serializers, buffers: Sequence[Buffer]) -> None:
        vars(self).update(vars(serializers))
        self._buffers = buffers
        self._unused = set(range(len(buffers)))

    def buffer(self, index: int) -> Buffer:
        """A buffer by its index.

        Raises:
            ValueError: where there is none of that index, or it was asked for already.
        """
        if index not in self._unused:
            why = "once more" if index < len(self._buffers) else "which is not there"
            raise ValueError(f"of {len(self._buffers)} buffers beside the message, it asks for number {index}, {why}")
        self._unused.remove(index)
        return self._buffers[index]

    def check_used(self) -> None:
        """See whether the message had a place for each buffer; raises FieldError where it had not."""
        if self._unused:
            raise FieldError("", f"{len(self._unused)} of {len(self._buffers)} buffers belong nowhere in the message")


def finished(message: ProtoMessage, serializers: Serializers) -> bytes:
    """The bytes of a message that was written with some serializers."""
    if isinstance(serializers, Leaving):
        serializers.settle()
    return serialized(message)


def write_data(message: tensor_pb2.Tensor, array: Tensor, serializers: Serializers) -> None:
    """Write the elements of a tensor."""
    if isinstance(serializers, Leaving) and array.nbytes >= _SMALLEST:
        serializers.leave(array, message, _ELEMENTS)
    else:
        message.data = array.tobytes()


def read_data(message: tensor_pb2.Tensor, serializers: Serializers) -> Buffer:
    """The elements of a tensor, in memory of their own."""
    return _beside(serializers, message.buffer) if message.HasField("buffer") else bytearray(message.data)


def write_packed(message: tensor_pb2.PyObject, packed: Packed, serializers: Serializers) -> None:
    """Write an object."""
    message.serializer = packed.serializer
    if not isinstance(serializers, Leaving):
        message.data = packed.data
        message.buffers.extend(bytes(buffer) for buffer in packed.buffers)
        return
    if len(packed.data) >= THRESHOLD:
        serializers.leave(packed.data, message, _DATA)
    else:
        message.data = packed.data
    for buffer in packed.memory:
        serializers.leave(buffer, message, _BUFFERS)


def read_packed(message: tensor_pb2.PyObject, serializers: Serializers) -> object:
    """The object of a message."""
    data = copied(_beside(serializers, message.data_beside)) if message.HasField("data_beside") else message.data
    buffers = [bytearray(buffer) for buffer in message.buffers]
    beside = [_beside(serializers, index) for index in message.beside]
    return serializers.load(message.serializer, data, [*buffers, *beside])


def _beside(serializers: Serializers, index: int) -> Buffer:
    if not isinstance(serializers, Beside):
        raise ValueError("it is to have a buffer beside the message, and none came")
    return serializers.buffer(index)


def _point_elements(message: tensor_pb2.Tensor, index: int) -> None:
    message.buffer = index


def _point_data(message: tensor_pb2.PyObject, index: int) -> None:
    message.data_beside = index


def _point_buffers(message: tensor_pb2.PyObject, index: int) -> None:
    message.beside.append(index)


def _put_data(message: tensor_pb2.Tensor | tensor_pb2.PyObject, data: bytes) -> None:
    message.data = data


def _put_buffers(message: tensor_pb2.PyObject, data: bytes) -> None:
    message.buffers.append(data)


_ELEMENTS = Place(_point_elements, _put_data)
_DATA = Place(_point_data, _put_data)
_BUFFERS = Place(_point_buffers, _put_buffers)

"""The messages that Python has values of its own for: arrays, moments, spans of time, any object."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp

from oiafed_rpc.arrays import ArrayLike, array_from, array_of
from oiafed_rpc.codec.kept import Kept
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import Tensor, Tensors
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.wire import tensor_pb2

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Native:
    """How one message type is written from a Python value and read back.

    Attributes:
        expected: What to call the Python type in an error.
        types: What a value must be an instance of, at first sight.
        write: Fill the message from a value; raises TypeError or ValueError for one that does not fit.
        read: The value of a message, also of an empty one.
    """

    expected: str
    types: tuple[type[Any], ...]
    write: Callable[[Any, Any, Serializers], None]
    read: Callable[[Any, Serializers], Any]


def _write_tensor(message: tensor_pb2.Tensor, value: object, serializers: Serializers) -> None:
    array = array_of(value)
    message.dtype = dtype_name(array.dtype)
    if isinstance(serializers, Kept):
        message.data = serializers.keep(array)
        return
    message.shape.extend(array.shape)
    message.data = array.tobytes()


def _read_tensor(message: tensor_pb2.Tensor, serializers: Serializers) -> Tensor:
    if not message.dtype:
        return np.empty((0,), np.float32)
    if isinstance(serializers, Kept):
        kept: Tensor = serializers.kept(message.data)
        return kept
    return array_from(message.dtype, tuple(message.shape), bytearray(message.data))


def _write_tensors(message: tensor_pb2.Tensors, value: Tensors, serializers: Serializers) -> None:
    for name, array in value.items():
        entry = message.entries.add(name=name)
        try:
            _write_tensor(entry.tensor, array, serializers)
        except (TypeError, ValueError) as error:
            raise FieldError(f"[{name!r}]", mismatch("a numpy array", array, error)) from None


def _read_tensors(message: tensor_pb2.Tensors, serializers: Serializers) -> Tensors:
    return {entry.name: _read_tensor(entry.tensor, serializers) for entry in message.entries}


def _write_any(message: tensor_pb2.PyObject, value: object, serializers: Serializers) -> None:
    packed = serializers.dump(value)
    message.serializer = packed.serializer
    message.data = packed.data
    message.buffers.extend(bytes(buffer) for buffer in packed.buffers)


def _read_any(message: tensor_pb2.PyObject, serializers: Serializers) -> object:
    if not message.serializer:
        return None
    return serializers.load(message.serializer, message.data, [bytearray(buffer) for buffer in message.buffers])


def _write_timestamp(message: Timestamp, value: datetime.datetime, _: Serializers) -> None:
    if value.tzinfo is None:
        raise ValueError("a datetime needs a time zone: datetime.now(UTC), or value.replace(tzinfo=UTC)")
    message.seconds, micros = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
    message.nanos = micros * 1000


def _read_timestamp(message: Timestamp, _: Serializers) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def _write_duration(message: Duration, value: datetime.timedelta, _: Serializers) -> None:
    message.FromTimedelta(value)


def _read_duration(message: Duration, _: Serializers) -> datetime.timedelta:
    return datetime.timedelta(seconds=message.seconds, microseconds=int(message.nanos / 1000))


NATIVE: dict[str, Native] = {
    "oiafed.v1.Tensor": Native("a numpy array", (np.ndarray, ArrayLike), _write_tensor, _read_tensor),
    "oiafed.v1.Tensors": Native("a dict of numpy arrays", (dict, Mapping), _write_tensors, _read_tensors),
    "oiafed.v1.PyObject": Native("an object", (object,), _write_any, _read_any),
    "google.protobuf.Timestamp": Native("a datetime", (datetime.datetime,), _write_timestamp, _read_timestamp),
    "google.protobuf.Duration": Native("a timedelta", (datetime.timedelta,), _write_duration, _read_duration),
}


def native(message: type[ProtoMessage]) -> Native | None:
    """The Python value that stands for a message class, if there is one."""
    return NATIVE.get(message.DESCRIPTOR.full_name)

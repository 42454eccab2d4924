"""The toolkit's own messages that Python has values of its own for: arrays, and any object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from oiafed_rpc.arrays import ArrayLike, array_from, array_of
from oiafed_rpc.codec.apart import read_data, read_packed, write_data, write_packed
from oiafed_rpc.codec.kept import Kept
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import Tensor, Tensors
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.wire import tensor_pb2


@dataclass(frozen=True, slots=True)
class Native:
    """How one message type is written from a Python value and read back.

    Attributes:
        expected: What to call the Python type in an error.
        types: What a value must be an instance of, at first sight.
        write: Fill the message from a value; raises TypeError or ValueError for one that does not fit.
        read: The value of a message, also of an empty one.
        from_plain: The value that a plain one of a schema-less caller stands for, if there are such; raises FieldError
            for one that does not fit.
    """

    expected: str
    types: tuple[type[Any], ...]
    write: Callable[[Any, Any, Serializers], None]
    read: Callable[[Any, Serializers], Any]
    from_plain: Callable[[Any], Any] | None = None


def _write_tensor(message: tensor_pb2.Tensor, value: object, serializers: Serializers) -> None:
    array = array_of(value)
    message.dtype = dtype_name(array.dtype)
    if isinstance(serializers, Kept):
        message.data = serializers.keep(array)
        return
    message.shape.extend(array.shape)
    write_data(message, array, serializers)


def _read_tensor(message: tensor_pb2.Tensor, serializers: Serializers) -> Tensor:
    if not message.dtype:
        return np.empty((0,), np.float32)
    if isinstance(serializers, Kept):
        kept: Tensor = serializers.kept(message.data)
        return kept
    return array_from(message.dtype, tuple(message.shape), read_data(message, serializers))


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
    write_packed(message, serializers.dump(value), serializers)


def _read_any(message: tensor_pb2.PyObject, serializers: Serializers) -> object:
    if not message.serializer:
        return None
    return read_packed(message, serializers)


ANY = Native("an object", (object,), _write_any, _read_any)
"""How any Python object is carried."""

OWN: dict[str, Native] = {
    "oiafed.v1.Tensor": Native("a numpy array", (np.ndarray, ArrayLike), _write_tensor, _read_tensor),
    "oiafed.v1.Tensors": Native("a dict of numpy arrays", (dict, Mapping), _write_tensors, _read_tensors),
    "oiafed.v1.PyObject": ANY,
}
"""All of them, by full name."""

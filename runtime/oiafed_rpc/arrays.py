"""Arrays as dtype name, shape and raw bytes in C order."""

from __future__ import annotations

import math
from typing import Protocol, cast, runtime_checkable

import numpy as np

from oiafed_rpc.dtypes import dtype_named
from oiafed_rpc.records import Tensor
from oiafed_rpc.torch_tensors import array_of_torch, is_torch_tensor

_MAX_DIMENSIONS = 64  # numpy's own limit
_MAX_LENGTH = (1 << 63) - 1


@runtime_checkable
class ArrayLike(Protocol):
    """What offers an array of its values: numpy scalars, torch tensors on the CPU."""

    def __array__(self) -> Tensor:
        """The array."""
        ...


def array_of(value: object) -> Tensor:
    """The array that a value is or offers (numpy scalars, torch tensors on the CPU).

    Raises:
        TypeError: for lists, numbers and whatever else is no array.
        ValueError: for a masked array, and for a tensor of torch that is not dense and on the CPU.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError("a masked array would lose its mask: send .data and .mask")
    if isinstance(value, np.ndarray):
        return cast("Tensor", value)
    if is_torch_tensor(value):
        return array_of_torch(value)
    if isinstance(value, ArrayLike):
        return np.asarray(value)
    raise TypeError("not an array")


def plain_array(value: object) -> Tensor:
    """The array that a value is or offers, where one that arrives is of the same class.

    Raises:
        TypeError, ValueError: as `array_of` does; ValueError for subclasses of arrays too.
    """
    array = array_of(value)
    if type(array) not in {np.ndarray, np.memmap}:
        raise ValueError(f"a {type(array).__name__} would arrive as a plain array: send numpy.asarray of it")
    return array


def raw_bytes(array: Tensor) -> memoryview | bytes:
    """The memory of an array, without a copy where it lies in C order."""
    return np.require(array, requirements="C").reshape(-1).view(np.uint8).data if array.nbytes else b""


def array_from(dtype: str, shape: tuple[int, ...], data: bytes | bytearray | memoryview) -> Tensor:
    """The array over `data`, without a copy; writable where `data` is.

    Raises:
        ValueError: where the dtype is not allowed, or the shape does not match the number of bytes.
    """
    kind = dtype_named(dtype)
    if len(shape) > _MAX_DIMENSIONS or not all(0 <= length <= _MAX_LENGTH for length in shape):
        raise ValueError(f"impossible shape of {len(shape)} dimensions")
    items = math.prod(shape)
    if items * kind.itemsize != len(data):
        raise ValueError(f"shape {shape} of {dtype} does not match {len(data)} bytes")
    if items and not kind.itemsize:
        raise ValueError(f"shape {shape} of {dtype}: numpy gives empty strings memory that was not received")
    return np.frombuffer(data, kind).reshape(shape) if items else np.empty(shape, kind)

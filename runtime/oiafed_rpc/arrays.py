"""Arrays as dtype name, shape and raw bytes in C order."""

from __future__ import annotations

import math
import re
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np

from oiafed_rpc.records import Tensor

_KINDS = frozenset("biufcSUmM")
_EXTENSIONS = frozenset({"bfloat16"})
_MAX_DIMENSIONS = 64  # numpy's own limit
_MAX_LENGTH = (1 << 63) - 1
_NAME = re.compile(r"[<>|][biufcSUmM]\d{0,9}(\[\d{0,9}[A-Za-z]{1,2}\])?")  # numpy takes its time over longer ones


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
        ValueError: for a masked array.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise ValueError("a masked array would lose its mask: send .data and .mask")
    if isinstance(value, np.ndarray):
        return cast("Tensor", value)
    if isinstance(value, ArrayLike):
        return np.asarray(value)
    raise TypeError("not an array")


def dtype_name(dtype: np.dtype[Any]) -> str:
    """The name of a dtype on the wire: numpy's, with its byte order (`<f4`), or `bfloat16`.

    Raises:
        ValueError: for object, void and structured dtypes, which have no portable bytes.
    """
    if dtype.kind in _KINDS:
        return dtype.str
    if dtype.name in _EXTENSIONS:
        return dtype.name
    raise ValueError(f"arrays of dtype {dtype} can't be sent: only numbers, booleans, strings and times can")


def dtype_named(name: str) -> np.dtype[Any]:
    """The dtype of a name on the wire.

    Raises:
        ValueError: for a name that `dtype_name` never gives.
    """
    if name in _EXTENSIONS:
        import ml_dtypes  # takes 10 ms to import, and most nodes never need it

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    if not _NAME.fullmatch(name):
        raise ValueError(f"unknown dtype {name[:40]!r}")
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        raise ValueError(f"unknown dtype {name[:40]!r}") from None
    if dtype.kind not in _KINDS or dtype.str != name:
        raise ValueError(f"dtype {name[:40]!r} is not allowed")
    return dtype


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

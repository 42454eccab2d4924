"""Arrays in pieces, for methods that take or give a stream of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from oiafed_rpc.records import Tensor

PIECE = 64 << 20
"""Bytes."""


def pieces(array: Tensor, nbytes: int = PIECE) -> Iterator[Tensor]:
    """An array in pieces along its first axis, in order: views of it, without a copy.

    For methods that take or give a `stream tensor`: neither side then needs memory for the whole of an array that is
    larger than that, such as an `np.memmap`. `np.concatenate` puts the pieces together again.

    Args:
        array: Of any dtype and shape. One without axes, or without elements, is a piece by itself.
        nbytes: The most bytes of a piece; a single row that has more is a piece nevertheless.

    Raises:
        TypeError: for what is no array, at once.
        ValueError: for fewer than 1 byte, at once.
    """
    if not isinstance(cast("object", array), np.ndarray | np.generic):
        raise TypeError(f"pieces takes one numpy array, not {type(array).__name__}: of a dict, call it with each array")
    if nbytes < 1:
        raise ValueError(f"nbytes must be at least 1, not {nbytes}")
    if array.ndim == 0 or array.size == 0:
        return iter((array,))
    rows = max(1, nbytes // (array.nbytes // len(array)))
    return (array[start : start + rows] for start in range(0, len(array), rows))

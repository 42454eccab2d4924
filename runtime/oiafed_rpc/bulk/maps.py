"""Pages of files mapped into memory, which a sender gives back as it goes: an array larger than memory can be sent."""

from __future__ import annotations

import contextlib
import mmap
from typing import cast

import numpy as np

from oiafed_rpc.records import Tensor

_SHARED = ("r", "r+", "w+")  # of numpy.memmap; in mode "c", what was changed in memory is nowhere else
_GIVE_BACK: int | None = getattr(mmap, "MADV_DONTNEED", None)


class Pages:
    """The pages of a mapped file. One that was given back is read from the file again when it is next looked at."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped
        self._address = address_of(np.frombuffer(mapped, np.uint8))
        self._size = len(mapped)

    def give_back(self, low: int, high: int) -> None:
        """Give back those between two addresses; the last is kept where only a part of it lies before `high`."""
        if _GIVE_BACK is None:
            return
        start = max(0, low - self._address) // mmap.PAGESIZE * mmap.PAGESIZE
        stop = min(self._size, high - self._address) // mmap.PAGESIZE * mmap.PAGESIZE
        if start < stop:
            with contextlib.suppress(ValueError, OSError):  # it is closed, or locked into memory
                self._mapped.madvise(_GIVE_BACK, start, stop - start)


def pages_of(array: object) -> Pages | None:
    """The pages below an array; None where it is no view of a mapped file, or of a private copy of one."""
    mode: object = None
    below = array
    while isinstance(below, np.ndarray):
        mode = below.mode if isinstance(below, np.memmap) else mode
        below = cast("object", below.base)
    return Pages(below) if isinstance(below, mmap.mmap) and mode in _SHARED else None


def address_of(array: Tensor) -> int:
    """Where the first item of an array lies."""
    address: int = array.__array_interface__["data"][0]
    return address

"""Memory to be sent, which is looked at piece by piece: no copy of the whole is ever made."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from oiafed_rpc.bulk.maps import Pages, address_of, pages_of
from oiafed_rpc.records import Tensor
from oiafed_rpc.serializer.base import Buffer

_SPREAD = 4  # times the bytes of a range; where it lies further apart, its pages hold those of others too


_PLAIN = "?bhilqBHILQefd"  # dtypes whose memory Python casts itself, in a third of the time


class Run(Protocol):
    """Bytes in the C order of their elements.

    Attributes:
        nbytes: How many.
        itemsize: The bytes of an element; 1 for plain bytes.
    """

    @property
    def nbytes(self) -> int: ...

    @property
    def itemsize(self) -> int: ...

    def view(self, start: int, stop: int) -> memoryview:
        """The bytes from `start` to `stop`: the memory itself where it is contiguous, else a copy of them alone."""
        ...

    def done(self, start: int, stop: int) -> None:
        """These bytes are not needed for now: pages of a mapped file are given back. They can be looked at again."""
        ...


class Contiguous:
    """Memory as it lies.

    Args:
        memory: Bytes, of format "B".
        itemsize: The bytes of an element.
        pages: Those of the file that is mapped there, if one is.
    """

    __slots__ = ("_address", "_memory", "_pages", "itemsize", "nbytes")

    def __init__(self, memory: memoryview, itemsize: int = 1, pages: Pages | None = None) -> None:
        self._memory = memory
        self.nbytes = len(memory)
        self.itemsize = itemsize
        self._pages = pages
        self._address = address_of(np.frombuffer(memory, np.uint8)) if pages is not None and memory else 0

    def view(self, start: int, stop: int) -> memoryview:
        """See `Run`."""
        return self._memory[start:stop]

    def done(self, start: int, stop: int) -> None:
        """See `Run`."""
        if self._pages is not None:
            self._pages.give_back(self._address + start, self._address + stop)


class Strided:
    """An array whose elements lie in any other way. Copies are made without the GIL, whatever the dtype."""

    __slots__ = ("_array", "_pages", "itemsize", "nbytes")

    def __init__(self, array: Tensor, pages: Pages | None = None) -> None:
        self.nbytes = array.nbytes
        self.itemsize = array.itemsize
        self._array = np.asarray(array).view(f"V{array.itemsize}")  # numpy copies bytes, and knows nothing of them
        self._pages = pages

    def view(self, start: int, stop: int) -> memoryview:
        """See `Run`."""
        low, high = start // self.itemsize, -(-stop // self.itemsize)
        items = np.empty(high - low, self._array.dtype)
        _copy(self._array, low, high, items)
        begin = low * self.itemsize
        return _bytes_of(items)[start - begin : stop - begin]

    def done(self, start: int, stop: int) -> None:
        """See `Run`."""
        if self._pages is None:
            return
        rows = _rows(self._array, start // self.itemsize, -(-stop // self.itemsize))
        low, high = np.lib.array_utils.byte_bounds(rows)
        if high - low <= _SPREAD * (stop - start):
            self._pages.give_back(low, high)


def run_of(value: Tensor | Buffer) -> Contiguous | Strided:
    """The memory of an array, of any dtype that can be sent, or of a buffer.

    It is looked at when it is sent: whoever changes it before then changes what arrives.
    """
    if isinstance(value, np.ndarray):
        return _run_of_array(value)
    memory = memoryview(value)
    if not memory.nbytes:
        return Contiguous(memoryview(b""))
    if not memory.c_contiguous:
        return Strided(np.asarray(memory))
    return Contiguous(memory.cast("B"), memory.itemsize, pages_of(memory.obj))


def _run_of_array(array: Tensor) -> Contiguous | Strided:
    if not array.nbytes:
        return Contiguous(memoryview(b""))
    if not array.flags.c_contiguous:
        return Strided(array, pages_of(array))
    return Contiguous(_bytes_of(array), array.itemsize, pages_of(array))


def _bytes_of(array: Tensor) -> memoryview:
    kind = array.dtype
    if kind.isbuiltin == 1 and kind.isnative and kind.char in _PLAIN:  # others share these letters
        return array.data.cast("B")
    return array.reshape(-1).view(np.uint8).data


def _copy(block: np.ndarray[Any, Any], low: int, high: int, into: np.ndarray[Any, Any]) -> None:
    """Copy the items from `low` to `high`, counted in C order: whole rows at once, and what is left at both ends."""
    if block.ndim == 1:
        np.copyto(into, block[low:high])
        return
    row = block[0].size
    first, last = -(-low // row), high // row
    if first > last:
        _copy(block[last], low - last * row, high - last * row, into)
        return
    before, after = first * row - low, high - last * row
    if before:
        _copy(block[first - 1], row - before, row, into[:before])
    if first < last:
        rows = block[first:last]
        np.copyto(into[before : before + rows.size].reshape(rows.shape), rows)
    if after:
        _copy(block[last], 0, after, into[len(into) - after :])


def _rows(block: np.ndarray[Any, Any], low: int, high: int) -> np.ndarray[Any, Any]:
    """The smallest block of whole rows, of whichever axis, that has the items from `low` to `high`."""
    row = block[0].size
    if block.ndim > 1 and low // row == (high - 1) // row:
        return _rows(block[low // row], low % row, low % row + high - low)
    return block[low // row : -(-high // row)]

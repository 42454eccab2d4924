"""Chunks made smaller: the bytes of numbers sorted by their place, then Zstandard."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from oiafed_rpc.body import Compressor
from oiafed_rpc.bulk.chunk import ZSTD, Head
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.judge import Judge, worth
from oiafed_rpc.bulk.layout import scatter
from oiafed_rpc.serializer.base import Buffer

if TYPE_CHECKING:
    import zstandard

_MAX_WINDOW = 1 << 23  # bytes: what RFC 8878 has every reader support; a chunk is smaller
_MAX_SHUFFLE = 255  # a head has one byte for it
_TRIAL = 64  # chunks of which one is packed both ways, sorted and not

_Bytes = npt.NDArray[np.uint8]


class _Reader(Protocol):
    def readinto(self, b: memoryview, /) -> int: ...

    def read(self, size: int, /) -> bytes: ...


class PackedChunk(NamedTuple):
    """The bytes of a chunk, made smaller.

    Attributes:
        data: The bytes.
        packing: By what, as in a `Head`.
        shuffle: As in a `Head`.
    """

    data: bytes
    packing: int
    shuffle: int


class Packing:
    """Packs the chunks of a transfer; from any thread.

    Args:
        level: Zstandard's, from -7 to 22.
        shuffle: Whether the bytes of numbers are sorted first, where that makes them smaller: not of mostly zeros.
    """

    def __init__(self, level: int, shuffle: bool) -> None:
        self._level = level
        self._shuffle = shuffle
        self._judge = Judge()
        self._sorted = True
        self._count = itertools.count()
        self._idle: list[zstandard.ZstdCompressor] = []  # one at a time may use each

    @classmethod
    def of(cls, compressor: Compressor | None) -> Self | None:
        """That of what makes the bodies of a message smaller; None for what does not know of chunks."""
        if compressor is None:
            return None
        from oiafed_rpc.wire.compression import Zstd  # zstandard, where it is needed

        return cls(compressor.level, compressor.shuffle) if isinstance(compressor, Zstd) else None

    def due(self) -> bool:
        """Whether the next chunk is to be packed."""
        return self._judge.due()

    def told(self, seconds: float, wire_bytes: int) -> None:
        """Learn of the link: how long it took for so many bytes."""
        self._judge.sent(seconds, wire_bytes)

    def pack(self, views: list[memoryview], itemsize: int) -> PackedChunk | None:
        """The bytes of a chunk, smaller; None where they are not worth it."""
        raw = _joined(views)
        stride = itemsize if self._shuffle and 1 < itemsize <= _MAX_SHUFFLE else 0
        tried = [_timed(self._packed, raw, each) for each in self._strides(stride)]
        seconds, made = min(tried, key=lambda each: len(each[1].data))
        if len(tried) > 1:
            self._sorted = made.shuffle > 0
        self._judge.packed(seconds, len(raw), len(made.data))
        return made if worth(len(raw), len(made.data)) else None

    def _strides(self, stride: int) -> tuple[int, ...]:
        """The strides to sort the bytes of a chunk by: both ways now and then, else what was better then."""
        if not stride or next(self._count) % _TRIAL:
            return (stride if self._sorted else 0,)
        return (stride, 0)

    def _packed(self, raw: _Bytes, stride: int) -> PackedChunk:
        return PackedChunk(self._compress(shuffled(raw, stride) if stride else raw), ZSTD, stride)

    def _compress(self, raw: _Bytes) -> bytes:
        try:
            compressor = self._idle.pop()
        except IndexError:
            import zstandard  # where it is needed

            compressor = zstandard.ZstdCompressor(level=self._level)
        data = compressor.compress(raw.data)
        self._idle.append(compressor)
        return data


def _timed(pack: Callable[[_Bytes, int], PackedChunk], raw: _Bytes, stride: int) -> tuple[float, PackedChunk]:
    begun = time.perf_counter()
    made = pack(raw, stride)
    return time.perf_counter() - begun, made


def unpack(head: Head, data: Buffer, into: list[memoryview]) -> None:
    """Put the raw bytes of a packed chunk in their place. No more than there is room for are ever made.

    Raises:
        TransferError: where they are more or fewer than the head says, or were not packed at all.
    """
    if len(into) == 1 and not head.shuffle:
        _decompress(head, data, into[0])
        return
    made = np.empty(head.size, np.uint8)
    _decompress(head, data, made.data)
    if head.shuffle:
        made = unshuffled(made, head.shuffle)
    scatter(made.data, into)


def _decompress(head: Head, data: Buffer, into: memoryview) -> None:
    import zstandard  # where it is needed

    filled = 0
    try:
        reader = cast("_Reader", zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(data))
        while filled < head.size:
            count = reader.readinto(into[filled:])
            if not count:
                raise TransferError(f"a chunk of {head.size:,} bytes at {head.offset:,} unpacks into {filled:,}")
            filled += count
        if reader.read(1):
            raise TransferError(f"a chunk of {head.size:,} bytes at {head.offset:,} unpacks into more")
    except zstandard.ZstdError as error:
        raise TransferError(f"a chunk of {head.size:,} bytes at {head.offset:,} does not unpack: {error}") from None


def shuffled(raw: _Bytes, stride: int) -> _Bytes:
    """The first bytes of all elements, then the second, and so on; what is left of the last element ends it."""
    whole = len(raw) // stride * stride
    made = np.empty_like(raw)
    np.copyto(made[:whole].reshape(stride, -1), raw[:whole].reshape(-1, stride).T)
    made[whole:] = raw[whole:]
    return made


def unshuffled(raw: _Bytes, stride: int) -> _Bytes:
    """What `shuffled` was given."""
    whole = len(raw) // stride * stride
    made = np.empty_like(raw)
    for place, plane in enumerate(raw[:whole].reshape(stride, -1)):  # four times as fast as all of them at once
        made[place:whole:stride] = plane
    made[whole:] = raw[whole:]
    return made


def _joined(views: list[memoryview]) -> _Bytes:
    return np.frombuffer(views[0] if len(views) == 1 else b"".join(views), np.uint8)

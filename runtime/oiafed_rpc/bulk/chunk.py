"""The parts in which transfers travel, the same on every lane."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self

import xxhash

from oiafed_rpc.bulk.errors import TransferError

CHUNK = 1 << 20
"""Bytes of a transfer in one chunk; its last may have fewer."""

ID_SIZE = 16
"""Bytes of a transfer's id."""

RAW = 0
ZSTD = 1
"""What a chunk may be packed by."""

_PACKINGS = (RAW, ZSTD)
_LAYOUT = struct.Struct("!QQIIBB6x")


class HeadError(TransferError, ValueError):
    """Bytes are the head of no chunk."""


class _Fields(NamedTuple):
    offset: int
    size: int
    checksum: int
    packed: int
    packing: int = RAW
    shuffle: int = 0


class Head(_Fields):
    """What a chunk is.

    Attributes:
        offset: Where it begins in its transfer, in bytes.
        size: Its raw bytes.
        checksum: That of the raw bytes, see `checksum`.
        packed: The bytes that follow the head; as many as `size` where it is not packed.
        packing: What it is packed by: 0 for nothing, 1 for Zstandard.
        shuffle: The bytes of an element where the bytes of all elements were sorted by their place in it; 0 where not.
    """

    __slots__ = ()
    SIZE: ClassVar[int] = _LAYOUT.size

    def to_bytes(self) -> bytes:
        """The head on the wire."""
        return _LAYOUT.pack(self.offset, self.checksum, self.size, self.packed, self.packing, self.shuffle)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """The head that bytes from a peer are.

        Raises:
            HeadError: where no chunk has such a head.
        """
        try:
            offset, digest, size, packed, packing, shuffle = _LAYOUT.unpack(data)
        except struct.error:
            raise HeadError(f"a head has {cls.SIZE} bytes, not {len(data)}") from None
        head = cls(offset, size, digest, packed, packing, shuffle)
        head._check()
        return head

    def _check(self) -> None:
        if not 0 < self.size <= CHUNK:
            raise HeadError(f"a chunk has 1 to {CHUNK:,} bytes, not {self.size:,}")
        if self.packing not in _PACKINGS:
            raise HeadError(f"unknown packing {self.packing}; known here: {', '.join(map(str, _PACKINGS))}")
        if self.packing == RAW and (self.packed != self.size or self.shuffle):
            raise HeadError(f"a chunk of {self.size:,} bytes that is not packed has {self.packed:,} on the wire")
        if self.packed > self.size:
            raise HeadError(f"a chunk of {self.size:,} bytes is packed into more, {self.packed:,}")


class Chunk(NamedTuple):
    """A chunk to be sent.

    Attributes:
        head: What it is.
        views: The bytes that follow the head.
    """

    head: Head
    views: list[memoryview]


def checksum(views: Sequence[memoryview], offset: int) -> int:
    """XXH3 (64 bits) of the bytes of a chunk, seeded by where it begins: one in another's place is noticed too."""
    if len(views) == 1:
        return xxhash.xxh3_64_intdigest(views[0], offset)
    digest = xxhash.xxh3_64(seed=offset)
    for view in views:
        digest.update(view)
    return digest.intdigest()

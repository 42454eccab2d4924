"""What a segment of shared memory begins with: whose it is, and where each buffer of the transfer lies in it."""

from __future__ import annotations

import struct
from collections.abc import Sequence

ALIGNMENT = 64
"""Bytes: each buffer begins at a multiple."""

_MAGIC = b"oiafed\0\1"
_HEAD = struct.Struct("=8sQQ")
_SIZE = struct.Struct("=Q")


def places(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Where each buffer begins in its segment, and how many bytes all of it takes."""
    offsets: list[int] = []
    end = _HEAD.size + len(sizes) * _SIZE.size
    for size in sizes:
        begin = -(-end // ALIGNMENT) * ALIGNMENT
        offsets.append(begin)
        end = begin + size
    return offsets, end


def write_table(segment: memoryview, generation: int, sizes: Sequence[int]) -> None:
    """Say what is in a segment.

    Args:
        segment: Its memory.
        generation: How often the segment has been used.
        sizes: The bytes of each buffer.
    """
    _HEAD.pack_into(segment, 0, _MAGIC, generation, len(sizes))
    struct.pack_into(f"={len(sizes)}Q", segment, _HEAD.size, *sizes)


def read_table(segment: memoryview, generation: int) -> list[int]:
    """The sizes of the buffers in a segment, which lie at their `places`.

    Raises:
        ValueError: where it is not what was announced, or they would not lie within it.
    """
    if len(segment) < _HEAD.size:
        raise ValueError(f"a segment of {len(segment)} bytes has no room for its table")
    magic, used, count = _HEAD.unpack_from(segment)
    if (magic, used) != (_MAGIC, generation):
        raise ValueError("the segment holds something else than was announced")
    if count > (len(segment) - _HEAD.size) // _SIZE.size:
        raise ValueError(f"a segment of {len(segment):,} bytes has no room for a table of {count:,} buffers")
    sizes = list(struct.unpack_from(f"={count}Q", segment, _HEAD.size))
    if places(sizes)[1] > len(segment):
        raise ValueError(f"buffers of {sum(sizes):,} bytes do not lie within a segment of {len(segment):,}")
    return sizes

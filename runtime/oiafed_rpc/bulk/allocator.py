"""Memory of the size of a chunk, kept by the process between one chunk and the next."""

from __future__ import annotations

_BLOCK = 2 << 20  # bytes


def keep_chunks() -> None:
    """Have the C library keep freed blocks as large as a chunk; harmless where it does so anyway.

    gRPC copies each chunk to a new block, and Python to another. glibc maps such blocks from the system and gives them
    back, so that each is filled page fault by page fault: that takes longer than the copy. It stops doing so for all
    sizes up to that of the largest block (of at most 32 MiB) that was ever freed, and keeps twice as much: see
    "dynamic mmap threshold" in mallopt(3).
    """
    block = bytes(_BLOCK)  # nobody touches it, so that it takes no memory
    del block

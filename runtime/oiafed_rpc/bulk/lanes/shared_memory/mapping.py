"""The receiver's end of shared memory: segments of another process, mapped so that neither can harm the other.

Arrays over a segment may be written to, like any others: the mapping is private, and a page that is written to becomes
a copy. What is shared stays as the sender has left it.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import weakref
from collections.abc import Callable
from typing import Any, Final

import numpy as np

SUPPORTED: Final = hasattr(os, "memfd_create") and hasattr(fcntl, "F_GET_SEALS")
"""Whether this system has what segments are made of; Linux alone does."""

F_SEAL_FUTURE_WRITE: Final = 0x10
"""Only mappings that exist already can be written through; from Linux 5.1 on. Not in `fcntl` before Python 3.13."""

_ENTRY = 8  # bytes that the kernel tells of each page
_SHARED, _SOMEWHERE = 1 << 61, 3 << 62


class ForeignSegment:
    """A segment that another process has made, and lends.

    Args:
        fd: Its descriptor, which belongs to this object from now on, whether it can be made or not.

    Attributes:
        size: Its bytes.

    Raises:
        ValueError: for what is no sealed shared memory: whoever has it could make it shorter, and this process die of
            what it then reads.
        OSError: where the descriptor can't be used.
    """

    def __init__(self, fd: int) -> None:
        try:
            self.size = _checked_size(fd)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        self._spare: mmap.mmap | None = None

    def borrow(self, returned: Callable[[Loan], object]) -> memoryview:
        """The memory, which may be written to without changing what is shared.

        Args:
            returned: Called, in any thread, once the last that is made of this memory has died. It passes what it is
                given to `take_back`.

        Raises:
            OSError: where there is no room to map it.
        """
        mapping, self._spare = self._spare, None
        if mapping is None:
            mapping = mmap.mmap(self._fd, self.size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
        owner: np.ndarray[Any, Any] = np.frombuffer(mapping, np.uint8)
        weakref.finalize(owner, returned, Loan(self, mapping)).atexit = False
        return owner.data

    def take_back(self, loan: Loan) -> bool:
        """Learn that what was borrowed is not used any more; in a worker thread, as it looks at each page.

        Its mapping is kept for the next, whose pages then need not be mapped again, unless it was written to.

        Returns:
            Whether the sender may write to the segment again. It may not where this process has forked meanwhile, for
            the child may be looking at it still.
        """
        if self._fd >= 0 and self._spare is None and not loan.forked and _untouched(loan.mapping):
            self._spare = loan.mapping
        else:
            _close(loan.mapping)
        return not loan.forked

    def close(self) -> None:
        """Give up what is not borrowed."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        mapping, self._spare = self._spare, None
        if mapping is not None:
            _close(mapping)


class Loan:
    """A mapping that is in use.

    Args:
        segment: What is mapped.
        mapping: Where.
    """

    __slots__ = ("_forks", "mapping", "segment")

    def __init__(self, segment: ForeignSegment, mapping: mmap.mmap) -> None:
        self.segment = segment
        self.mapping = mapping
        self._forks = _forks

    @property
    def forked(self) -> bool:
        """Whether this process has forked since it was made."""
        return self._forks != _forks


_forks = 0


def _count_fork() -> None:
    global _forks
    _forks += 1


if SUPPORTED:
    os.register_at_fork(after_in_parent=_count_fork, after_in_child=_count_fork)


def _checked_size(fd: int) -> int:
    seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)  # an error for all but shared memory, with or without huge pages
    fixed = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    if seals & fixed != fixed or not seals & (fcntl.F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        raise ValueError(f"shared memory with the seals {seals:#x} is not fixed in size, or anyone could write to it")
    if os.fstatvfs(fd).f_bsize != mmap.PAGESIZE:
        raise ValueError("shared memory of huge pages, which the system may run out of")
    size = os.fstat(fd).st_size
    if not size or size % mmap.PAGESIZE:
        raise ValueError(f"a segment of {size:,} bytes does not consist of pages")
    return size


def _untouched(mapping: mmap.mmap) -> bool:
    """Whether no page of a private mapping has been written to. No, where that can't be told."""
    try:
        begin = np.frombuffer(mapping, np.uint8).ctypes.data // mmap.PAGESIZE * _ENTRY
        with open("/proc/self/pagemap", "rb", buffering=0) as pages:
            told = os.pread(pages.fileno(), len(mapping) // mmap.PAGESIZE * _ENTRY, begin)
        entries = np.frombuffer(told, np.uint64)
    except (OSError, ValueError):
        return False
    if len(entries) * mmap.PAGESIZE != len(mapping):
        return False
    return not bool(((entries & _SHARED == 0) & (entries & _SOMEWHERE != 0)).any())


def _close(mapping: mmap.mmap) -> None:
    with contextlib.suppress(BufferError):  # its last user is about to let go of it, and that ends it
        mapping.close()

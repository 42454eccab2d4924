"""The sender's end of shared memory: segments that are written again and again, as their pages are there already."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import itertools
import mmap
import os
import threading
import time
import weakref
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from oiafed_rpc.bulk.chunk import CHUNK
from oiafed_rpc.bulk.errors import LaneUnfit, TransferError
from oiafed_rpc.bulk.lanes.shared_memory.mapping import F_SEAL_FUTURE_WRITE, SUPPORTED
from oiafed_rpc.bulk.lanes.shared_memory.room import memory_available
from oiafed_rpc.bulk.lanes.shared_memory.table import places, write_table
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.forking import on_fork
from oiafed_rpc.lasting import apart_from_calls
from oiafed_rpc.workers import WORKERS

_LARGEST = 4 << 30  # bytes of a transfer
_SHARE = 4  # a transfer takes no more than the fourth part of the memory that is to be had
_SLACK = 4  # times what a transfer needs: a free segment that is larger is left for one that needs it
_IDLE_SECONDS = 30.0
_TICK = 0.2  # seconds
_WORTH_UNMAPPING = 256 << 20  # bytes; below, to map pages again costs more than to keep them mapped
_WORTH_TWO = 8 << 20  # bytes; one thread does not use all that the memory could do
_MFD_NOEXEC_SEAL = 0x8  # of Linux 6.3
_SEALS = 0x1 | 0x2 | 0x4 | F_SEAL_FUTURE_WRITE  # against other seals, shrinking and growing
_numbers = itertools.count(1)


class Segment:
    """Shared memory that this process alone can write to.

    Args:
        capacity: Bytes, of whole pages.

    Attributes:
        number: What tells it from all others of this process.
        capacity: As given.
        fd: Its descriptor.
        memory: Its bytes, writable.
        generation: How often it has been used.
        uses: The transfers and the receivers that still need what is in it.
        spoilt: Whether it must not be written to again, as somebody may be reading it who will not say when he is done.
        freed: When it was last let go of.

    Raises:
        OSError: where the system gives no such memory.
    """

    def __init__(self, capacity: int) -> None:
        self.number = next(_numbers)
        self.capacity = capacity
        self.generation = 0
        self.uses = 0
        self.spoilt = False
        self.freed = 0.0
        self.fd = _memory_file()
        try:
            os.ftruncate(self.fd, capacity)
            self.memory = mmap.mmap(self.fd, capacity)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, _SEALS)
        except BaseException:
            os.close(self.fd)
            raise

    def unmap(self, first: int, last: int) -> None:
        """Let go of the pages of some bytes: they stay in the segment, but no longer count as this process's own."""
        first = first // mmap.PAGESIZE * mmap.PAGESIZE
        if last > first:
            self.memory.madvise(mmap.MADV_DONTNEED, first, last - first)

    def close(self) -> None:
        """Give the memory back, as far as no receiver has it; in a worker thread, as that takes time."""
        with contextlib.suppress(BufferError):  # in a forked child: some thread of its parent was writing
            self.memory.close()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _memory_file() -> int:
    name, flags = "oiafed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _MFD_NOEXEC_SEAL)
    except OSError:  # an older system, which does not know the last flag
        return os.memfd_create(name, flags)


class Placement:
    """A transfer that lies in a segment, or is on its way there.

    Attributes:
        segment: The segment.
        generation: Of the segment, while this is in it.
    """

    def __init__(self, pool: Segments, segment: Segment, copying: _Copying) -> None:
        self.segment = segment
        self.generation = segment.generation
        self._pool = pool
        self._copying = copying
        self._waiting = 0
        self._held = weakref.finalize(self, pool.give_back_soon, segment)
        self._held.atexit = False
        segment.uses = 2  # this, and the copying
        self._task = asyncio.ensure_future(copying.run())
        self._task.add_done_callback(functools.partial(_copied, pool, segment))

    def held_by(self, pool: Segments) -> bool:
        """Whether it is there for whoever asks a pool for it."""
        return self._pool is pool and self._held.alive

    async def written(self, moved: Callable[[], object]) -> None:
        """Wait until all of it is there. When nobody waits any more, the copying ends.

        Args:
            moved: Called now and then while it advances.
        """
        self._waiting += 1
        copied = 0
        try:
            while not (await asyncio.wait([self._task], timeout=_TICK))[0]:
                if self._copying.copied > copied:
                    copied = self._copying.copied
                    moved()
            self._task.result()
        except Exception:
            self.close()
            raise
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                await self._stop()

    async def _stop(self) -> None:
        """Returns once no thread copies any more, however often who waits is cancelled: that takes a millisecond."""
        self.close()
        while not self._task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([self._task])

    def lend(self) -> Segment:
        """Count one more receiver; `Segments.give_back` tells when that no longer needs it.

        Raises:
            TransferError: where the transfer was given up.
        """
        if not self._held.alive:
            raise _given_up()
        self.segment.uses += 1
        return self.segment

    def close(self) -> None:
        """Give it up, though receivers may still read it. From any thread."""
        self._copying.stopped = True
        self._held()


def _copied(pool: Segments, segment: Segment, task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # there may be nobody any more who wants to hear of it
    pool.give_back(segment)


class _Copying:
    """Copies a transfer to its places, in threads: none of the copies holds the GIL."""

    def __init__(self, outgoing: Outgoing, segment: Segment, offsets: list[int]) -> None:
        self.copied = 0
        self.stopped = False
        self._outgoing = outgoing
        self._segment = segment
        self._offsets = offsets
        self._ends = list(itertools.accumulate(outgoing.sizes))
        self._starts = iter(range(0, outgoing.size, CHUNK))
        self._lock = threading.Lock()

    async def run(self) -> None:
        """Copy; ends when all threads have."""
        count = 2 if self._outgoing.size >= _WORTH_TWO and len(os.sched_getaffinity(0)) > 1 else 1
        threads = [asyncio.ensure_future(WORKERS.run(self._work)) for _ in range(count)]
        await asyncio.wait(threads)
        size = self._outgoing.size
        del self._outgoing  # which has the placement, and thereby this
        for thread in threads:
            thread.result()
        if self.copied < size:
            raise _given_up()

    def _work(self) -> None:
        memory: np.ndarray[Any, Any] = np.frombuffer(self._segment.memory, np.uint8)
        try:
            while (start := self._next()) is not None:
                stop = min(start + CHUNK, self._outgoing.size)
                first, last = self._copy(memory, start, stop)
                if self._outgoing.size >= _WORTH_UNMAPPING:
                    self._segment.unmap(first, last)
                self._outgoing.sent(stop)
                with self._lock:
                    self.copied += stop - start
        except BaseException:
            self.stopped = True
            raise

    def _next(self) -> int | None:
        with self._lock:
            return None if self.stopped else next(self._starts, None)

    def _copy(self, memory: np.ndarray[Any, Any], start: int, stop: int) -> tuple[int, int]:
        """Copy some bytes; gives where in the segment they begin and end."""
        begin, end = len(memory), 0
        for view in self._outgoing.layout.views(start, stop):
            buffer = bisect_right(self._ends, start)
            end = self._offsets[buffer] + self._outgoing.sizes[buffer] - (self._ends[buffer] - start) + len(view)
            np.copyto(memory[end - len(view) : end], np.frombuffer(view, np.uint8))
            start += len(view)
            begin = min(begin, end - len(view))
        return begin, end


class Segments:
    """The segments of one event loop. A segment is written again only when nobody reads it any more.

    Those that nobody has needed for 30 seconds are given back to the system.
    """

    def __init__(self) -> None:
        self._free: list[Segment] = []  # the one let go of last is the last
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self._sweeping: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dropping: set[asyncio.Future[None]] = set()
        self._closed = False
        on_fork(self)

    def watch(self, watcher: Watcher) -> None:
        """Have someone told of each segment that is dropped, as long as he lives."""
        self._watchers.add(watcher)

    def probe(self) -> None:
        """See whether there is such memory here.

        Raises:
            LaneUnfit: where there is not.
        """
        if not self._free:
            self._free.append(_made(1))
            self._free[0].freed = time.monotonic()

    async def place(self, outgoing: Outgoing, moved: Callable[[], object]) -> Placement:
        """Put a transfer into a segment, once, whoever asks for it.

        Args:
            outgoing: The transfer; it keeps the placement, and gives it up when it is closed or dies.
            moved: Called now and then while that advances.

        Raises:
            LaneUnfit: where it is too large, or the system gives no such memory.
            TransferError: where the transfer was given up meanwhile.
        """
        placement = outgoing.segment
        if not isinstance(placement, Placement) or not placement.held_by(self):
            placement = outgoing.segment = self._begin(outgoing)
        await placement.written(moved)
        return placement

    def _begin(self, outgoing: Outgoing) -> Placement:
        self._loop = asyncio.get_running_loop()
        offsets, size = places(outgoing.sizes)
        segment = self._take(size)
        segment.generation += 1
        write_table(memoryview(segment.memory), segment.generation, outgoing.sizes)
        return Placement(self, segment, _Copying(outgoing, segment, offsets))

    def _take(self, size: int) -> Segment:
        """The smallest free segment that is large enough, or a new one."""
        fitting = [each for each in self._free if size <= each.capacity <= _SLACK * size]
        if fitting:
            segment = min(fitting, key=lambda each: each.capacity)
            self._free.remove(segment)
            return segment
        return _made(size)

    # --- letting go

    def give_back(self, segment: Segment, *, spoilt: bool = False) -> None:
        """Somebody no longer needs a segment.

        Args:
            segment: The segment.
            spoilt: Whether it must not be written to again.
        """
        segment.uses -= 1
        segment.spoilt |= spoilt
        if segment.uses:
            return
        if segment.spoilt or self._closed:
            self._drop(segment)
            return
        segment.freed = time.monotonic()
        self._free.append(segment)
        self._sweep_later(_IDLE_SECONDS)

    def give_back_soon(self, segment: Segment) -> None:
        """As `give_back`, from any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has closed, and all of its segments end with it
                self._loop.call_soon_threadsafe(self.give_back, segment)

    def _sweep_later(self, seconds: float) -> None:
        if self._sweeping is None and self._loop is not None:
            self._sweeping = apart_from_calls(self._loop.call_later, seconds, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        old = time.monotonic() - _IDLE_SECONDS
        for segment in [each for each in self._free if each.freed <= old]:
            self._free.remove(segment)
            self._drop(segment)
        if self._free:
            self._sweep_later(self._free[0].freed - old)

    def _drop(self, segment: Segment) -> None:
        for watcher in tuple(self._watchers):
            watcher.dropped(segment)
        dropping = asyncio.ensure_future(WORKERS.run(segment.close))
        self._dropping.add(dropping)
        dropping.add_done_callback(self._dropping.discard)

    async def close(self) -> None:
        """Give all segments back to the system, those in use as soon as nobody needs them any more."""
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        while self._free:
            self._drop(self._free.pop())
        if self._dropping:
            await asyncio.wait(tuple(self._dropping))

    def forked(self) -> None:
        """Let go in a forked child: the segments are its parent's."""
        self._loop = self._sweeping = None
        self._dropping.clear()
        while self._free:
            self._free.pop().close()


class Watcher(Protocol):
    """Who is told of segments that are dropped."""

    def dropped(self, segment: Segment) -> None:
        """There will be nothing more in it."""
        ...


def _made(size: int) -> Segment:
    """A new segment.

    Raises:
        LaneUnfit: where there is not enough memory for it, or none that can be shared.
    """
    if not SUPPORTED:
        raise LaneUnfit("this system has no sealed shared memory")
    if size > _LARGEST:
        raise LaneUnfit(f"{size:,} bytes are more than {_LARGEST:,}")
    if size > (most := memory_available() // _SHARE):
        raise LaneUnfit(f"{size:,} bytes are more than a quarter of the memory that is to be had, {most:,}")
    try:
        return Segment(-(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
    except (OSError, ValueError, MemoryError) as error:
        raise LaneUnfit(f"the system gives no shared memory: {error}") from error


def _given_up() -> TransferError:
    return TransferError("the transfer was given up")

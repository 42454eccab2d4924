"""The segments that the ends of a connection lend to each other, until each has said that it needs them no more."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from enum import IntEnum
from typing import Any

from oiafed_rpc.bulk.lanes.shared_memory.channel import Packet
from oiafed_rpc.bulk.lanes.shared_memory.mapping import ForeignSegment, Loan
from oiafed_rpc.bulk.lanes.shared_memory.segments import Placement, Segment, Segments
from oiafed_rpc.bulk.lanes.shared_memory.table import places, read_table
from oiafed_rpc.workers import WORKERS

Send = Callable[[Packet, int | None], None]
"""Says something to the other side; raises ConnectionError where that is gone."""


class Kind(IntEnum):
    """What packets say."""

    PUSH = 1  # here is a transfer, in a segment
    PULL = 2  # give me a transfer
    YES = 3  # to PUSH
    LENT = 4  # to PULL: it is in a segment
    MOVES = 5  # to PULL: it is being copied
    REFUSED = 6  # to PUSH and PULL; code and text: why
    BROKEN = 7  # to PUSH and PULL; text: why; another attempt may succeed
    UNFIT = 8  # to PUSH and PULL; text: why; another lane is to be used
    HAVE = 9  # I have the transfer that you have lent
    RETURNED = 10  # I need your segment no more
    SPOILT = 11  # as RETURNED, but it must not be written to again
    DROPPED = 12  # my segment will not be used again


class Sharing:
    """The segments of one connection.

    Args:
        segments: Those of this side.
        send: Says something to the other side.
    """

    def __init__(self, segments: Segments, send: Send) -> None:
        self._segments = segments
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._known: dict[int, Segment] = {}  # the other side has their descriptors
        self._lent: Counter[int] = Counter()
        self._foreign: dict[int, ForeignSegment] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._ended = False
        segments.watch(self)

    # --- what this side lends

    def lend(self, packet: Packet, placement: Placement) -> None:
        """Say something, and that what it is about lies in a segment, which the other side has from now on.

        Raises:
            ConnectionError: where the other side is gone.
        """
        if self._ended:
            raise ConnectionError("the connection for shared memory has ended")
        segment = placement.lend()
        new = segment.number not in self._known
        self._known[segment.number] = segment
        self._lent[segment.number] += 1
        self._send(
            packet._replace(segment=segment.number, generation=placement.generation), segment.fd if new else None
        )

    def dropped(self, segment: Segment) -> None:
        """A segment of this side will not be used again."""
        if self._known.pop(segment.number, None) is not None and not self._ended:
            with contextlib.suppress(ConnectionError):
                self._send(Packet(Kind.DROPPED, segment=segment.number), None)

    def _given_back(self, number: int, *, spoilt: bool) -> None:
        if not self._lent[number]:
            raise ValueError("a segment was returned that was not lent")
        self._lent[number] -= 1
        self._segments.give_back(self._known[number], spoilt=spoilt)

    # --- what it borrows

    def borrow(self, packet: Packet, fd: int | None) -> list[memoryview]:
        """The buffers of a transfer that the other side has put into a segment. When they have died it is told.

        Raises:
            ValueError, OSError: where there is no such segment, or it can't be used. The other side has been told.
        """
        try:
            if fd is not None:
                self._learn(packet.segment, fd)
            if (segment := self._foreign.get(packet.segment)) is None:
                raise ValueError("a segment that is not known")
            memory = segment.borrow(functools.partial(self._died, packet.segment))
        except (ValueError, OSError):
            self._tell_returned(packet.segment, spoilt=True)
            raise
        return _buffers(memory, read_table(memory, packet.generation))

    def _learn(self, number: int, fd: int) -> None:
        segment = ForeignSegment(fd)
        if (former := self._foreign.pop(number, None)) is not None:
            former.close()
        self._foreign[number] = segment

    def _died(self, number: int, loan: Loan) -> None:
        """In any thread, and anywhere: all else happens on the event loop."""
        if os.getpid() == self._process:
            with contextlib.suppress(RuntimeError):  # the loop has closed, and the connection with it
                self._loop.call_soon_threadsafe(self._take_back_soon, number, loan)

    def _take_back_soon(self, number: int, loan: Loan) -> None:
        self._run(self._take_back(number, loan))

    async def _take_back(self, number: int, loan: Loan) -> None:
        usable = await WORKERS.run(functools.partial(loan.segment.take_back, loan))
        self._tell_returned(number, spoilt=not usable)

    def _tell_returned(self, number: int, *, spoilt: bool) -> None:
        if not self._ended:
            with contextlib.suppress(ConnectionError):
                self._send(Packet(Kind.SPOILT if spoilt else Kind.RETURNED, segment=number), None)

    # --- both

    def told(self, packet: Packet) -> bool:
        """Whether a packet was about segments, and is dealt with.

        Raises:
            ValueError: where the other side can't mean that.
        """
        if packet.kind in (Kind.RETURNED, Kind.SPOILT):
            self._given_back(packet.segment, spoilt=packet.kind == Kind.SPOILT)
        elif packet.kind == Kind.DROPPED:
            if (segment := self._foreign.pop(packet.segment, None)) is not None:
                self._run(_in_thread(segment.close))
        else:
            return False
        return True

    def end(self) -> None:
        """The connection has ended: what was lent is never written to again, as the other side may still read it."""
        if self._ended:
            return
        self._ended = True
        for number, count in self._lent.items():
            for _ in range(count):
                self._segments.give_back(self._known[number], spoilt=True)
        self._lent.clear()
        self._known.clear()
        for segment in self._foreign.values():
            self._run(_in_thread(segment.close))
        self._foreign.clear()

    async def settled(self) -> None:
        """Wait for the threads that look after segments."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _in_thread(function: Callable[[], None]) -> None:
    await WORKERS.run(function)


def _buffers(memory: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    return [memory[begin : begin + size] for begin, size in zip(places(sizes)[0], sizes, strict=True)]

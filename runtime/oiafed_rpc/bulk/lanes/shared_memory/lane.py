"""The lane within one host: a transfer is copied into shared memory once, and its receivers map that.

It has no checksums: bytes that do not leave the memory are as safe there as in the arrays they came from. The table of
a segment tells whether it is the one that was announced.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable

from typing_extensions import override

from oiafed_rpc.bulk.errors import LaneUnfit, refusal
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.lanes.shared_memory.channel import Channel, Packet
from oiafed_rpc.bulk.lanes.shared_memory.segments import Segments
from oiafed_rpc.bulk.lanes.shared_memory.sharing import Kind, Sharing
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing

Dial = Callable[[], Awaitable[socket.socket]]
"""Opens a connection, as `admission.connect` does; raises LaneUnfit where that can't be had."""


class SharedMemoryLane(Lane):
    """Carries transfers between the processes of one user on one host.

    Args:
        dial: Opens a connection.
        segments: What this side puts its transfers into.
    """

    name = "shared_memory"

    def __init__(self, dial: Dial, segments: Segments) -> None:
        self._dial = dial
        self._segments = segments
        self._asking: _Asking | None = None
        self._opening = asyncio.Lock()

    @override
    async def push(self, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
        asking = await self._connected()
        placement = await self._segments.place(outgoing, lambda: meter.advance(0, 0))
        try:
            await asking.ask(
                lambda packet: asking.sharing.lend(packet, placement), Packet(Kind.PUSH, id=outgoing.id), meter
            )
        finally:
            if not outgoing.shared:
                placement.close()  # the receiver alone needs it, though the transfer may live as long as its call
        _count_all(meter, outgoing.size)

    @override
    async def pull(self, incoming: Incoming, meter: Meter) -> None:
        asking = await self._connected()
        buffers = await asking.ask(asking.channel.send, Packet(Kind.PULL, id=incoming.id), meter)
        incoming.adopt(buffers)
        asking.channel.send(Packet(Kind.HAVE, id=incoming.id))
        _count_all(meter, incoming.size)

    async def _connected(self) -> _Asking:
        async with self._opening:
            if self._asking is None or self._asking.channel.closed:
                self._asking = _Asking(await self._dial(), self._segments)
            return self._asking

    @override
    async def close(self) -> None:
        if self._asking is not None:
            await self._asking.close()


def _count_all(meter: Meter, size: int) -> None:
    """It has come at once: what an earlier attempt brought over another lane does not count."""
    meter.resume(0)
    meter.advance(size, size)


class _Asking:
    """The end of a connection that has opened it."""

    def __init__(self, sock: socket.socket, segments: Segments) -> None:
        self.channel = Channel(sock, self._received, self._lost)
        self.sharing = Sharing(segments, self.channel.send)
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Asked] = {}

    async def ask(self, send: Callable[[Packet], None], packet: Packet, meter: Meter) -> list[memoryview]:
        """Ask for something; gives the buffers that came, if any. Errors as for a lane."""
        number = next(self._numbers) & 0xFFFFFFFF
        asked = self._asked[number] = _Asked(meter)
        try:
            send(packet._replace(request=number))
            return await asked.answer
        finally:
            del self._asked[number]

    def _received(self, packet: Packet, fd: int | None) -> None:
        asked = self._asked.get(packet.request)
        if packet.kind == Kind.LENT:
            self._take(packet, fd, asked)
        elif self.sharing.told(packet) or asked is None:
            return  # an answer that nobody waits for any more
        elif packet.kind == Kind.MOVES:
            asked.meter.advance(0, 0)
        elif packet.kind == Kind.YES:
            asked.answer_with([])
        else:
            asked.fail(_error_of(packet))

    def _take(self, packet: Packet, fd: int | None, asked: _Asked | None) -> None:
        """What came is returned by itself where nobody waits for it any more."""
        try:
            buffers = self.sharing.borrow(packet, fd)
        except (ValueError, OSError) as error:
            if asked is not None:
                asked.fail(LaneUnfit(f"the shared memory can't be used: {error}"))
            return
        if asked is not None:
            asked.answer_with(buffers)

    def _lost(self) -> None:
        self.sharing.end()
        for asked in self._asked.values():
            asked.fail(ConnectionResetError("the connection for shared memory has ended"))

    async def close(self) -> None:
        if not self.channel.closed:
            self.channel.close()
            self._lost()
        await self.sharing.settled()


class _Asked:
    """What was asked for."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.answer: asyncio.Future[list[memoryview]] = asyncio.get_running_loop().create_future()

    def answer_with(self, buffers: list[memoryview]) -> None:
        if not self.answer.done():
            self.answer.set_result(buffers)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


def _error_of(packet: Packet) -> Exception:
    told = packet.text.decode(errors="replace")
    if packet.kind == Kind.UNFIT:
        return LaneUnfit(told)
    if packet.kind == Kind.REFUSED:
        return refusal(packet.code, told)
    return ConnectionError(told or "an answer that can't be understood")

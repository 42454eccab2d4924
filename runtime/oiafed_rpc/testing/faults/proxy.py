"""TCP connections that tests cut, slow down and stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from typing import Any, Self

from oiafed_rpc.clock import SYSTEM_CLOCK
from oiafed_rpc.config.faults import FaultPlan, Way
from oiafed_rpc.errors import RetriableError
from oiafed_rpc.message import Message
from oiafed_rpc.testing.faults.fates import Fate, Fates
from oiafed_rpc.testing.faults.link import Link

_BLOCK = 1 << 14  # bytes; small, so that little is lost with a connection that is cut
_MENDED_BY_TCP = ("duplicate", "reorder")
_RESET = struct.pack("ii", 1, 0)  # to linger for no time: a close is a reset then


class FaultProxy:
    """Listens on a port, and passes all that comes on to another, both ways. It is used by `async with`.

    Args:
        host: The address that it leads to.
        port: The port there; 0 for the number of the port that it listens on itself.
        listen: The address that it listens on.
        plan: What goes wrong by itself. Each block of bytes is a message: a `request` to where it leads, a `reply` on
            the way back. Where one is dropped, nothing more passes on that way of its connection.

    Raises:
        ValueError: The plan has what TCP mends: duplicates, and another order.

    Attributes:
        host: Where it listens.
        port: The port that it listens on.
        target: The address and port that it leads to: of connections that are yet to come, where they are changed.
        up: Bytes that were passed on to where it leads, over all connections.
        down: Bytes that came back.
        connections: How many there were.
        reached: Set when a limit of `cut_after` or `stop_after` is reached.
        rate: Bytes per second, each way and for each connection; None for as many as there are.
        delay: Seconds that each block of bytes takes longer, each way.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, listen: str = "127.0.0.1", plan: FaultPlan | None = None
    ) -> None:
        for rule in (plan or FaultPlan()).rules:
            if rule.kind in _MENDED_BY_TCP:
                raise ValueError(f"TCP mends what {rule.kind} does: have it go wrong in a FaultTransport")
        self.host = listen
        self.port = 0
        self.target = host, port
        self.up = self.down = self.connections = 0
        self.rate: float | None = None
        self.delay = 0.0
        self.reached = asyncio.Event()
        self._limit: tuple[bool, int] | None = None  # upwards, bytes
        self._stops = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listening = socket.socket()
        self._tasks: set[asyncio.Task[None]] = set()
        self._link = Link(host, SYSTEM_CLOCK, lambda _: None)
        self._fates = Fates(plan or FaultPlan(), "", host)
        self._open: list[tuple[socket.socket, socket.socket]] = []

    async def __aenter__(self) -> Self:
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._listening.bind((self.host, 0))
        self._listening.listen()
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self.target = self.target[0], self.target[1] or self.port
        self._run(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        self._listening.close()

    # What a test does to it

    def count(self) -> None:
        """Begin to count anew."""
        self.up = self.down = self.connections = 0

    def cut(self, seconds: float = 0.0) -> None:
        """Reset all connections, and whatever connects in so many seconds; `math.inf` for until `mend`."""
        self._link.cut(seconds)

    def cut_after(self, count: int, *, up: bool) -> None:
        """Cut the connection that brings the byte after so many more, once: all before it arrive, it does not."""
        self._limit, self._stops = (up, count), False
        self.reached.clear()

    def stop(self) -> None:
        """Let nothing more pass, either way. Connections stay open: neither side learns that the other is gone."""
        self._flowing.clear()

    def stop_after(self, count: int, *, up: bool) -> None:
        """The same once so many more bytes have passed."""
        self.cut_after(count, up=up)
        self._stops = True

    def half_open(self, *, up: bool) -> None:
        """Close the connections of one side only, and let nothing more pass, until `mend` or `cut` closes the other's.

        Args:
            up: Whether that side is the one where it leads, or the one that has connected.
        """
        self.stop()
        for here, there in self._open:
            with contextlib.suppress(OSError):
                (there if up else here).shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let everything pass again, and all connect. What is half open is closed."""
        self._limit = None
        self._link.mend()
        self._flowing.set()

    # How it does it

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self) -> None:
        while True:
            here, _ = await asyncio.get_running_loop().sock_accept(self._listening)
            self.connections += 1
            self._run(self._connected(here))

    async def _connected(self, here: socket.socket) -> None:
        with here, socket.socket() as there:
            there.setblocking(False)
            both = here, there
            self._open.append(both)
            try:
                self._link.check()
                await asyncio.get_running_loop().sock_connect(there, self.target)
                await self._link.through(self._passed_on(here, there), "a connection")
            except (OSError, RetriableError):
                _reset(here)
                _reset(there)
            finally:
                self._open.remove(both)

    async def _passed_on(self, here: socket.socket, there: socket.socket) -> None:
        fate = self._fates.next(Message("tcp", "", self.target[0], None))
        ways = (
            asyncio.create_task(self._pass_on(here, there, fate, up=True)),
            asyncio.create_task(self._pass_on(there, here, fate, up=False)),
        )
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            await self._flowing.wait()
            for way in done:
                way.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(self, source: socket.socket, target: socket.socket, fate: Fate, *, up: bool) -> None:
        loop = asyncio.get_running_loop()
        way: Way = "request" if up else "reply"
        while block := await loop.sock_recv(source, _BLOCK):
            await self._link.carry(way, fate.next(way), block)
            passed = await self._allowed(block, up=up)
            if self.delay:
                await asyncio.sleep(self.delay)
            await loop.sock_sendall(target, passed)
            self._count(len(passed), up=up)
            if len(passed) < len(block):
                return
            if self.rate:
                await asyncio.sleep(len(block) / self.rate)

    async def _allowed(self, block: bytes, *, up: bool) -> bytes:
        """As much of a block as may pass."""
        await self._flowing.wait()
        if self._limit is None or self._limit[0] != up:
            return block
        left = self._limit[1] - len(block)
        if left >= 0:
            self._limit = (up, left)
            return block
        self.reached.set()
        if not self._stops:
            allowed, self._limit = block[: self._limit[1]], None
            return allowed
        self._flowing.clear()
        await self._flowing.wait()
        return block

    def _count(self, size: int, *, up: bool) -> None:
        if up:
            self.up += size
        else:
            self.down += size


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

"""TCP links between a node and its callers that tests cut, slow down and stop."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import Coroutine
from typing import Any, Self

_BLOCK = 1 << 14  # bytes; small, so that little is lost with a connection that is cut


def near_and_far() -> tuple[str, str]:
    """Two addresses of this machine that no other process uses: what is free on one is free on the other."""
    high, low = divmod(os.getpid() % (1 << 15), 256)
    return f"127.{64 + high % 128}.{low}.1", f"127.{64 + high % 128}.{low}.2"


class Link:
    """Listens on a port of one address and passes all on to the same port of another, at which it may connect later.

    Attributes:
        host: Where it listens.
        port: The port on both sides.
        up: Bytes that were passed on to the other side, over all connections.
        down: Bytes that came back.
        connections: How many there were.
        reached: Set when a limit of `cut` or `stop` is reached.
        rate: Bytes per second, each way and for each connection; None for as many as there are.
    """

    def __init__(self) -> None:
        self.host, self._behind = near_and_far()
        self.port = 0
        self.up = self.down = self.connections = 0
        self.rate: float | None = None
        self.reached = asyncio.Event()
        self._limit: tuple[bool, int] | None = None  # upwards, bytes
        self._stops = False
        self._stopped = asyncio.Event()
        self._stopped.set()
        self._listening = socket.socket()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open: set[asyncio.Task[None]] = set()
        self._broken = False

    @property
    def behind(self) -> str:
        """The address that it leads to."""
        return self._behind

    async def __aenter__(self) -> Self:
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._listening.bind((self.host, 0))
        self._listening.listen()
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self._run(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(tuple(self._tasks))
        self._listening.close()

    # --- what a test does to it

    def count(self) -> None:
        """Begin to count anew."""
        self.up = self.down = self.connections = 0

    def cut(self, after: int, *, up: bool) -> None:
        """Cut the connection that brings the byte after so many more, once: all before it arrive, it does not."""
        self._limit, self._stops = (up, after), False
        self.reached.clear()

    def stop(self, after: int, *, up: bool) -> None:
        """Let nothing more pass, either way, once so many more bytes have. Connections stay open."""
        self.cut(after, up=up)
        self._stops = True

    def go_on(self) -> None:
        """Let everything pass again."""
        self._limit = None
        self._stopped.set()

    def break_off(self) -> None:
        """Cut all connections, and every new one as soon as it is made."""
        self._broken = True
        for each in self._open:
            each.cancel()

    def mend(self) -> None:
        """Let new connections be made again."""
        self._broken = False

    # --- how it does it

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _accept(self) -> None:
        while True:
            here, _ = await asyncio.get_running_loop().sock_accept(self._listening)
            if self._broken:
                here.close()
                continue
            self.connections += 1
            task = self._run(self._connected(here))
            self._open.add(task)
            task.add_done_callback(functools.partial(self._over, here))

    def _over(self, here: socket.socket, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        here.close()  # one that is cancelled before it begins has not

    async def _connected(self, here: socket.socket) -> None:
        with here, socket.socket() as there:
            there.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(there, (self._behind, self.port))
            except OSError:
                return
            ways = (self._run(self._pass_on(here, there, up=True)), self._run(self._pass_on(there, here, up=False)))
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.wait(ways)

    async def _pass_on(self, source: socket.socket, target: socket.socket, *, up: bool) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while block := await loop.sock_recv(source, _BLOCK):
                passed = await self._allowed(block, up=up)
                await loop.sock_sendall(target, passed)
                self._count(len(passed), up=up)
                if len(passed) < len(block):
                    return
                if self.rate:
                    await asyncio.sleep(len(block) / self.rate)

    async def _allowed(self, block: bytes, *, up: bool) -> bytes:
        """As much of a block as may pass."""
        await self._stopped.wait()
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
        self._stopped.clear()
        await self._stopped.wait()
        return block

    def _count(self, size: int, *, up: bool) -> None:
        if up:
            self.up += size
        else:
            self.down += size

"""How a node stops taking calls, and lets those under way end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator

from oiafed_rpc.bounded import GRACE, Waits
from oiafed_rpc.errors import Code, RetriableError, RpcError


class Draining:
    """The calls that a node is answering.

    Attributes:
        stopping: Whether no more calls are taken.
        waits: Those whose handler waits for something.
        told: What is called when no more calls are taken.
        afterwards: What waits, when those calls have ended, until their callers have what they wait for.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self.stopping = True
        self.told: list[Callable[[], None]] = []
        self.afterwards: list[Callable[[], Awaitable[None]]] = []
        self._streams = 0
        self._ended = asyncio.Event()
        self._over = False
        self.waits = Waits()

    def open(self) -> None:
        """Take calls."""
        self.stopping = self._over = False

    def refusal(self) -> RpcError:
        """The error of a call that is not taken: it did not run."""
        return RetriableError(f"node {self._node_id!r} is stopping and takes no more calls", ran=False)

    async def begun(self) -> None:
        """Wait until no more calls are taken."""
        begun = asyncio.Event()
        self.told.append(begun.set)
        try:
            if not self.stopping:
                await begun.wait()
        finally:
            self.told.remove(begun.set)

    @contextlib.contextmanager
    def stream(self) -> Generator[None, None, None]:
        """A call that answers with a stream, until it has ended."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1
            self._ended.set()

    def check_stream(self) -> None:
        """See whether a stream may go on.

        Raises:
            RpcError: UNAVAILABLE where the node has stopped.
        """
        if self._over:
            raise self._stopped()

    async def _until_streams_end(self) -> None:
        while self._streams:
            self._ended.clear()
            await self._ended.wait()

    def _stopped(self) -> RpcError:
        return RpcError(Code.UNAVAILABLE, f"node {self._node_id!r} stopped before the call had ended")

    async def drain(self, grace: float) -> None:
        """Take no more calls, let those under way end, and after `grace` seconds end them."""
        self.stopping = True
        for tell in tuple(self.told):
            tell()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._streams or self.waits:
                    await self.waits.until_empty()
                    await self._until_streams_end()
                for rest in self.afterwards:
                    await rest()
        self._over = True
        self.waits.fail(self._stopped)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * GRACE):  # for their cleaning up
                await self.waits.until_empty()

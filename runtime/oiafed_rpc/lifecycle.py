"""The life of a node: started and stopped in any order, twice, by several tasks at once, and by signals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from oiafed_rpc.context import outside_of_calls
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork
from oiafed_rpc.log import logger
from oiafed_rpc.signals import SIGNALS


class Life:
    """Starts and stops a node, one change after another. Stopping goes on when who asked for it is cancelled.

    Args:
        begin: What starting does; where it fails, `finish` follows.
        finish: What stopping does; takes the seconds of grace.
        name: The node's id, for errors.
    """

    def __init__(
        self,
        begin: Callable[[], Awaitable[None]],
        finish: Callable[[float | None], Awaitable[None]],
        name: str,
    ) -> None:
        self._begin = begin
        self._finish = finish
        self._name = name
        self._running = False
        self._change: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._orphaned = False
        on_fork(self)

    @property
    def _changing(self) -> bool:
        return self._change is not None and not self._change.done()

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that the node runs on, while it does."""
        return self._loop if self._running else None

    async def start(self) -> None:
        """Start, unless the node runs already.

        Raises:
            RpcError: FAILED_PRECONDITION where it runs on another event loop, or in the parent of this process; what
                starting raises.
        """
        await self._changed(self._start, to_the_end=False)

    async def stop(self, grace: float | None = None) -> None:
        """Stop, unless the node does not run.

        Raises:
            RpcError: FAILED_PRECONDITION as for `start`.
        """
        if self._running or self._changing or self._orphaned:
            await self._changed(lambda: self._stop(grace), to_the_end=True)

    def stop_soon(self, grace: float | None = None) -> None:
        """Begin to stop, for who must not wait: a call that the node is answering.

        Raises:
            RpcError: FAILED_PRECONDITION as for `start`.
        """
        if self._running or self._changing or self._orphaned:
            self._begin_change(lambda: self._stop(grace)).add_done_callback(_told)

    async def serve(self) -> None:
        """Start where need be, and wait until the node is stopped."""
        with SIGNALS.serving():
            try:
                await self.start()
                assert self._stopped is not None  # noqa: S101 - made by start
                await self._stopped.wait()
            finally:
                await self.stop()

    async def _changed(self, change: Callable[[], Awaitable[None]], *, to_the_end: bool) -> None:
        """Make a change when the former one is done; `to_the_end` even where who asked for it is cancelled."""
        task = self._begin_change(change)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not to_the_end:
                task.cancel()
                await asyncio.wait([task])
                _ = task.cancelled() or task.exception()  # seen: who asked has given up
            elif not task.done():
                task.add_done_callback(_told)
            raise

    def _begin_change(self, change: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        self._check_home()
        former = self._change if self._changing else None

        async def in_turn() -> None:
            if former is not None:
                await asyncio.wait([former])
            await change()

        self._loop = asyncio.get_running_loop()
        name = f"oiafed-life {self._name}"
        self._change = asyncio.create_task(in_turn(), name=name, context=outside_of_calls())
        return self._change

    def _check_home(self) -> None:
        if self._orphaned:
            raise orphaned(self._name)
        if not (self._running or self._changing) or self._loop is asyncio.get_running_loop():
            return
        if self._loop is not None and self._loop.is_closed():
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"node {self._name!r} was not stopped before its event loop ended: make a new node",
            )
        raise elsewhere(self._name)

    def forked(self) -> None:
        """In a child of the process: a node that runs there does not run here."""
        self._orphaned = self._orphaned or self._running
        self._running = False
        self._change = None

    async def _start(self) -> None:
        if self._running:
            return
        self._running = True
        self._stopped = asyncio.Event()
        SIGNALS.watch(self)
        try:
            await self._begin()
        except BaseException:
            await self._stop(0)
            raise

    async def _stop(self, grace: float | None) -> None:
        if not self._running:
            return
        try:
            await self._finish(grace)
        finally:
            self._running = False
            SIGNALS.forget(self)
            if self._stopped is not None:
                self._stopped.set()


def _told(task: asyncio.Task[None]) -> None:
    """Log how a change ended that nobody waits for any more."""
    if not task.cancelled() and task.exception() is not None:
        logger.error("a node could not be started or stopped", exc_info=task.exception())


def orphaned(name: str) -> RpcError:
    """The error of a node that is used in a child of its process."""
    return RpcError(
        Code.FAILED_PRECONDITION,
        f"node {name!r} was started in the parent of this process: after a fork, make a new node",
    )


def elsewhere(name: str) -> RpcError:
    """The error of a node that is used on another event loop than its own."""
    return RpcError(
        Code.FAILED_PRECONDITION,
        f"node {name!r} runs on another event loop: use it there, for instance by "
        "asyncio.run_coroutine_threadsafe(coroutine, loop)",
    )

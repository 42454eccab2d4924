"""The life of a node: started and stopped in any order, twice, by several tasks at once, and by signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Awaitable, Callable, Generator

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork
from oiafed_rpc.log import logger


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
        self.served = 0
        on_fork(self)

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
            RpcError: FAILED_PRECONDITION where it runs on another event loop.
        """
        if self._running or self._change is not None:
            await self._changed(lambda: self._stop(grace), to_the_end=True)

    async def serve(self) -> None:
        """Start where need be, and wait until the node is stopped."""
        self.served += 1
        try:
            with _interrupts(self):
                await self.start()
                assert self._stopped is not None  # noqa: S101 - made by start
                await self._stopped.wait()
        finally:
            self.served -= 1
            await self.stop()

    async def _changed(self, change: Callable[[], Awaitable[None]], *, to_the_end: bool) -> None:
        """Make a change when the former one is done; `to_the_end` even where who asked for it is cancelled."""
        self._check_home()
        former = self._change

        async def in_turn() -> None:
            if former is not None:
                await asyncio.wait([former])
            await change()

        task = self._change = asyncio.create_task(in_turn(), name=f"oiafed-life {self._name}")
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not to_the_end:
                task.cancel()
                await asyncio.wait([task])
            elif not task.done():
                task.add_done_callback(_told)
            raise
        finally:
            if self._change is task and task.done():
                self._change = None

    def _check_home(self) -> None:
        if self._orphaned:
            raise orphaned(self._name)
        if self._running and self._loop is not asyncio.get_running_loop():
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"node {self._name!r} runs on another event loop: start and stop it there",
            )

    def forked(self) -> None:
        """In a child of the process: a node that runs there does not run here."""
        self._orphaned = self._running
        self._running = False
        self._change = None

    async def _start(self) -> None:
        if self._running:
            return
        self._running = True
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        _watch_signals(self)
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
            _forget_signals(self)
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


class _Signals:
    """What this process has arranged for signals."""

    def forked(self) -> None:
        """In a child: a signal sent to it must not wake the event loop of its parent (https://bugs.python.org/issue21998)."""
        with contextlib.suppress(ValueError):  # only the main thread has signals
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


_SIGNALS = _Signals()
_lives: weakref.WeakSet[Life] = weakref.WeakSet()
_terminating: set[asyncio.Task[None]] = set()


def _watch_signals(life: Life) -> None:
    """Have SIGTERM stop the nodes of the process, where the application leaves it alone."""
    _lives.add(life)
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not on every platform's event loop
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _on_sigterm)
        on_fork(_SIGNALS)


def _forget_signals(life: Life) -> None:
    _lives.discard(life)
    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread() and not any(each.loop is loop for each in _lives):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)


def _on_sigterm() -> None:
    task = asyncio.get_running_loop().create_task(_terminate(), name="oiafed-sigterm")
    _terminating.add(task)
    task.add_done_callback(_terminating.discard)


async def _terminate() -> None:
    """Stop the nodes of this event loop; who serves goes on from there, else the signal has its usual effect."""
    loop = asyncio.get_running_loop()
    ours = [life for life in _lives if life.loop is loop]
    served = any(life.served for life in ours)
    await asyncio.gather(*(life.stop() for life in ours), return_exceptions=True)
    if not served:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def _interrupts(life: Life) -> Generator[None, None, None]:
    """Have Ctrl-C stop a node that serves, as SIGTERM does; a second one interrupts at once."""
    loop = asyncio.get_running_loop()
    former = signal.getsignal(signal.SIGINT)

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, former)
        task = loop.create_task(life.stop(), name="oiafed-sigint")
        _terminating.add(task)
        task.add_done_callback(_terminating.discard)

    installed = False
    if threading.current_thread() is threading.main_thread():
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGINT, stop)
            installed = True
    try:
        yield
    finally:
        if installed and loop.remove_signal_handler(signal.SIGINT):
            signal.signal(signal.SIGINT, former)

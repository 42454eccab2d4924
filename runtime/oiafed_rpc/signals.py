"""SIGTERM and Ctrl-C stop nodes, unless the application has a handler of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import FrameType
from typing import Any, Protocol

from oiafed_rpc.forking import on_fork


class Stoppable(Protocol):
    """A node's life, as a signal sees it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that it runs on, while it does."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...


class _Handler:
    """What runs on an event loop when a signal comes, in place of what was there before.

    It is a handler of Python's own, not one of the event loop: those cannot be told from the application's.

    Args:
        number: The signal.
        function: Makes the coroutine that runs.
    """

    def __init__(self, number: signal.Signals, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._number = number
        self._function = function
        self._former: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: set[asyncio.Task[None]] = set()
        on_fork(self)

    def install(self, *, only_over: object = None) -> None:
        """Take over the signal, in the main thread; `only_over` a former handler, where one is given."""
        if threading.current_thread() is not threading.main_thread():
            return
        former = signal.getsignal(self._number)
        if former not in (self._received, None) and only_over in (None, former):
            self._former = signal.signal(self._number, self._received)
        if signal.getsignal(self._number) == self._received:
            self._loop = asyncio.get_running_loop()

    def remove(self) -> None:
        """Give the signal back, unless somebody else has taken it over."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(self._number) == self._received:
            signal.signal(self._number, self._former)
            self._loop = None

    def forked(self) -> None:
        """In a child: a signal sent to it is none of its parent's."""
        self.remove()

    def _received(self, number: int, frame: FrameType | None) -> None:
        """Run what is to run, once: a second signal has its usual effect."""
        loop = self._loop
        self.remove()
        if loop is None or loop.is_closed():
            os.kill(os.getpid(), number)
        else:
            loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._function(), name=f"oiafed-{self._number.name.lower()}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)


class Signals:
    """Has SIGTERM stop the nodes of the process, and Ctrl-C too where one of them serves."""

    def __init__(self) -> None:
        self._lives: weakref.WeakSet[Stoppable] = weakref.WeakSet()
        self._serving = 0
        self._terminated = _Handler(signal.SIGTERM, self._stop_all)
        self._interrupted = _Handler(signal.SIGINT, self._stop_all)

    def watch(self, life: Stoppable) -> None:
        """Have a node stopped."""
        self._lives.add(life)
        self._terminated.install(only_over=signal.SIG_DFL)

    def forget(self, life: Stoppable) -> None:
        """Leave a node that has stopped alone."""
        self._lives.discard(life)
        if not self._there():
            self._terminated.remove()

    @contextlib.contextmanager
    def serving(self) -> Generator[None, None, None]:
        """While it lasts, who is stopped by a signal goes on from there."""
        self._serving += 1
        self._interrupted.install()
        try:
            yield
        finally:
            self._serving -= 1
            if not self._serving:
                self._interrupted.remove()

    def _there(self) -> list[tuple[Stoppable, asyncio.AbstractEventLoop]]:
        there = ((life, life.loop) for life in tuple(self._lives))
        return [(life, loop) for life, loop in there if loop is not None and not loop.is_closed()]

    async def _stop_all(self) -> None:
        """Stop all nodes; where none serves, SIGTERM then has its usual effect."""
        served = self._serving
        stopping = [_on(loop, life.stop()) for life, loop in self._there()]
        await asyncio.gather(*stopping, return_exceptions=True)
        if not served:
            os.kill(os.getpid(), signal.SIGTERM)


def _on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> Awaitable[None]:
    if loop is asyncio.get_running_loop():
        return coroutine
    return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, loop))


SIGNALS = Signals()
"""Those of this process."""

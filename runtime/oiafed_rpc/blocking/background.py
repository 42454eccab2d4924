"""The event loop that blocking nodes run on: one for the process, in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import functools
import inspect
import threading
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeVar

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork
from oiafed_rpc.streams import close, next_item

R = TypeVar("R")

_EXIT_SECONDS = 10.0
_FORKED = (
    "this process was forked after the node was made, and has no event loop of its parent's: "
    "make the node in the process that uses it"
)
_ENDED = "the process is ending, and its nodes have been stopped"
_WOULD_WAIT_FOR_ITSELF = (
    "a coroutine on a blocking node's event loop must not wait for calls, which run on that loop: "
    "make the handler an ordinary function, which runs in a thread"
)


class Background:
    """An event loop in a daemon thread, for the threads that wait for what runs on it.

    Attributes:
        forked: Whether the thread stayed behind in the process that this one was forked from.
        at_end: What is awaited when the process ends.
    """

    def __init__(self) -> None:
        self.forked = False
        self.at_end: set[Callable[[], Awaitable[None]]] = set()
        self._end = asyncio.Event()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = threading.Thread(target=self._run, name="oiafed-blocking", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """Whether the loop runs in this process."""
        return not self.forked and not self._loop.is_closed()

    def _run(self) -> None:
        with self._runner:
            self._runner.run(self._until_end())

    async def _until_end(self) -> None:
        await self._end.wait()
        await asyncio.gather(*(end() for end in tuple(self.at_end)), return_exceptions=True)

    def end(self) -> None:
        """Stop what still runs, and the loop; wait for that a few seconds."""
        if self.usable:
            with contextlib.suppress(RuntimeError):  # of a loop that has just closed
                self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(_EXIT_SECONDS)

    def wait(self, awaitable: Awaitable[R]) -> R:
        """The result of what runs on the loop, with the context variables of this thread.

        An interrupt, such as Ctrl-C, cancels it and is raised at once.

        Raises:
            RpcError: FAILED_PRECONDITION on the loop itself, after a fork, and when the process ends.
        """
        begun: list[asyncio.Task[Any]] = []
        future: concurrent.futures.Future[R] | None = None
        try:
            future = self._submit(awaitable, begun)
            return future.result()
        except concurrent.futures.CancelledError:
            raise RpcError(Code.CANCELLED, "the call was cancelled: its event loop has ended") from None
        except BaseException:
            if future is not None:
                future.cancel()
            else:  # an interrupt came between the submission and its return
                self._loop.call_soon_threadsafe(self._loop.call_soon, _cancel, begun)
            raise
        finally:
            del future  # its exception refers to this frame

    def iterate(self, items: AsyncIterable[R]) -> Iterator[R]:
        """The items of what runs on the loop, as they come; errors as for `wait`.

        A generator that is closed before its end ends the iteration on the loop, too.
        """
        steps = aiter(items)
        end = functools.partial(close, steps)
        self.at_end.add(end)
        try:
            while True:
                try:
                    item: R = self.wait(next_item(steps))
                except StopAsyncIteration:
                    return
                try:
                    yield item
                except BaseException:
                    self._finish(end())
                    raise
        finally:
            self.at_end.discard(end)

    def _finish(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine to its end; where the loop can't be waited for, it ends by itself."""
        if not self.usable:
            coroutine.close()
        elif self._here():
            self._submit(coroutine, waited_for=False)
        else:
            self.wait(coroutine)

    def _submit(
        self, awaitable: Awaitable[R], begun: list[asyncio.Task[Any]] | None = None, *, waited_for: bool = True
    ) -> concurrent.futures.Future[R]:
        problem = self._problem(waited_for)
        if problem:
            if inspect.iscoroutine(awaitable):
                awaitable.close()  # or Python warns that nobody awaited it
            raise RpcError(Code.FAILED_PRECONDITION, problem)
        return asyncio.run_coroutine_threadsafe(_result(awaitable, begun), self._loop)

    def _problem(self, waited_for: bool) -> str:
        if self.forked:
            return _FORKED
        if waited_for and self._here():
            return _WOULD_WAIT_FOR_ITSELF
        return _ENDED if self._loop.is_closed() else ""

    def _here(self) -> bool:
        return threading.get_ident() == self._thread.ident


async def _result(awaitable: Awaitable[R], begun: list[asyncio.Task[Any]] | None) -> R:
    """Await something, and note the task that does where that is asked for."""
    task = asyncio.current_task()
    if begun is not None and task is not None:
        begun.append(task)
    return await awaitable


class _Process:
    """The background of this process, made when it is first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._background: Background | None = None
        on_fork(self)
        self._left: list[Background] = []  # a parent's loops, which must not be closed here: their polls are shared

    def background(self) -> Background:
        with self._lock:
            if self._background is None or not self._background.usable:
                self._background = Background()
            return self._background

    def forked(self) -> None:
        """Begin anew: a forked child has none of its parent's threads."""
        self._lock = threading.Lock()
        if self._background is not None:
            self._background.forked = True
            self._left.append(self._background)
            self._background = None

    def end(self) -> None:
        if self._background is not None:
            self._background.end()


_PROCESS = _Process()
atexit.register(_PROCESS.end)


def background() -> Background:
    """The event loop of this process's blocking nodes, running."""
    return _PROCESS.background()


def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()

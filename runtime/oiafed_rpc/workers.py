"""Threads for handlers that are ordinary functions, so that they never block the event loop.

They are daemon threads: one stuck in a handler that never returns does not keep the process from ending, as a thread of
`concurrent.futures` would.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from oiafed_rpc.forking import on_fork

_IDLE_SECONDS = 5.0


def on_event_loop() -> bool:
    """Whether this is the thread of a running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


Stay: TypeAlias = Callable[[], Callable[[], object]]
"""Called where a function runs on for nobody, on the event loop; what it gives is called there once that has ended."""


class _Job(NamedTuple):
    function: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    ended: list[Callable[[], object]]


class Workers:
    """Threads that are started when none is free and end when idle."""

    def __init__(self) -> None:
        self.forked()
        on_fork(self)

    def forked(self) -> None:
        """Begin without threads: a forked child has none of its parent's."""
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0

    async def run(self, function: Callable[[], Any], stay: Stay | None = None) -> Any:
        """Run a function in a thread, with the context variables of its caller.

        A cancelled caller stops waiting; the function itself runs on, as a thread cannot be ended.

        Args:
            function: The function.
            stay: What is told of that.
        """
        loop = asyncio.get_running_loop()
        job = _Job(functools.partial(contextvars.copy_context().run, function), loop, loop.create_future(), [])
        with self._lock:
            start = self._free == 0
            self._free -= not start
            self._jobs.put(job)
        if start:
            threading.Thread(target=self._work, name="oiafed-handler", daemon=True).start()
        try:
            return await job.future
        except BaseException:
            if stay is not None and (job.future.cancel() or job.future.cancelled()):
                job.ended.append(stay())
            raise

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._jobs.empty():
                        self._free -= 1
                        return
                continue
            _execute(job)
            del job  # the arguments and the result are not this idle thread's to keep
            with self._lock:
                self._free += 1


def _execute(job: _Job) -> None:
    try:
        result, error = job.function(), None
    except BaseException as caught:
        result, error = None, caught
    with contextlib.suppress(RuntimeError):  # of a loop that has closed: nobody waits any more
        job.loop.call_soon_threadsafe(_deliver, job.future, job.ended, result, error)
    del error  # it has this frame, and that the job


def _deliver(
    future: asyncio.Future[Any], ended: list[Callable[[], object]], result: Any, error: BaseException | None
) -> None:
    if future.done():
        for each in ended:
            each()
        return
    if isinstance(error, StopIteration) or not isinstance(error, Exception | None):
        error = RuntimeError(
            f"{type(error).__name__}: {error}"
        )  # a Future refuses the one, the loop dies of the others
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


WORKERS = Workers()
"""The threads of this process, shared by its nodes."""

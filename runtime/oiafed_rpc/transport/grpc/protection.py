"""Keeping `asyncio.run` from crashing gRPC's server.

When `asyncio.run` ends it cancels every task, gRPC's own among them. The one that waits for the next call then frees
the memory into which gRPC's core will write that call: with grpcio 1.85 the process dies of a segmentation fault, now
or later. So those tasks are kept off asyncio's list of tasks, and end when the server is shut down.

A server makes them with the event loop's `create_task`, so the loop gets a task factory, which uses the former one if
there is any. (To give the server a loop of another class instead costs each call a fifth more time: gRPC then wakes the
loop through a socket.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeAlias

_OWN_TASKS = frozenset({"AioServer._server_main_loop", "AioServer._request_call"})

_Steps: TypeAlias = Coroutine[Any, Any, Any] | Generator[Any, None, Any]


class _Unlisting:
    """A task factory that keeps gRPC's own tasks off the list that `asyncio.run` cancels."""

    def __init__(self, former: Any) -> None:
        self._former = former

    def __call__(self, loop: asyncio.AbstractEventLoop, steps: _Steps, **options: Any) -> asyncio.Future[Any]:
        if self._former is None:
            task: asyncio.Future[Any] = asyncio.Task(steps, loop=loop, **options)
        else:
            task = self._former(loop, steps, **options)
        if getattr(steps, "__qualname__", "") in _OWN_TASKS and isinstance(task, asyncio.Task):
            asyncio._unregister_task(task)
        return task


def protect(loop: asyncio.AbstractEventLoop) -> None:
    """Protect the gRPC servers of an event loop, which must be stopped before it ends; for as long as it lives."""
    former = loop.get_task_factory()
    if not isinstance(former, _Unlisting):
        loop.set_task_factory(_Unlisting(former))

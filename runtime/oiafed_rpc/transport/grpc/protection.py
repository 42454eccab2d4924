"""Keeping `asyncio.run` from crashing gRPC's server.

When `asyncio.run` ends it cancels every task, gRPC's own among them. The one that waits for the next call then frees
the memory into which gRPC's core will write that call: with grpcio 1.85 the process dies of a segmentation fault, now
or later. So those tasks are kept off asyncio's list of tasks, and end when the server is shut down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from grpc import aio

_OWN_TASKS = frozenset({"AioServer._server_main_loop", "AioServer._request_call"})


class _Unlisting:
    """An event loop that keeps gRPC's own tasks off the list that `asyncio.run` cancels."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def create_task(self, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """Start a task on the loop itself."""
        task = self._loop.create_task(coroutine, **options)
        if getattr(coroutine, "__qualname__", "") in _OWN_TASKS:
            asyncio._unregister_task(task)
        return task


def protected_server(options: Sequence[tuple[str, Any]]) -> aio.Server:
    """A gRPC server for the running event loop, which must be stopped before that loop ends."""
    loop = asyncio.get_running_loop()
    asyncio._set_running_loop(cast("asyncio.AbstractEventLoop", _Unlisting(loop)))  # a server takes the running loop
    try:
        return aio.server(options=options)
    finally:
        asyncio._set_running_loop(loop)

"""Small steps over asynchronous iterators."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

from oiafed_rpc.bounded import bounded, deadline_exceeded
from oiafed_rpc.log import logger


async def item_in_time(items: AsyncIterator[Any], deadline: float | None, title: str) -> Any:
    """The next item, bounded as a handler is; none comes after the deadline, not even one that is there at once.

    Args:
        items: What gives the items.
        deadline: When the whole stream must end, on the clock of `time.monotonic`, in seconds; None for no limit.
        title: The method, for the error.

    Raises:
        StopAsyncIteration: at the end.
        RpcError: as `bounded` does.
    """
    if deadline is not None and time.monotonic() >= deadline:
        raise deadline_exceeded(title)
    return await bounded(next_item(items), deadline, title)


async def next_item(items: AsyncIterator[Any]) -> Any:
    """The next item, as a coroutine whatever the iterator gives; raises StopAsyncIteration at the end."""
    return await items.__anext__()


async def close(items: AsyncIterator[Any]) -> None:
    """End an iterator that can be ended; one that takes its time, or fails, is not waited for."""
    if not isinstance(items, AsyncGenerator):
        return
    try:
        await bounded(_ended(cast("AsyncGenerator[Any, None]", items)), time.monotonic(), "the stream")
    except Exception as error:
        logger.warning("a stream could not be closed: %s", error)


async def _ended(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()

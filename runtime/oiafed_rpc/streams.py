"""Small steps over asynchronous iterators."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

from oiafed_rpc.bounded import bounded
from oiafed_rpc.log import logger


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

"""Small steps over asynchronous iterators."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from oiafed_rpc.log import logger


async def next_item(items: AsyncIterator[Any]) -> Any:
    """The next item, as a coroutine whatever the iterator gives; raises StopAsyncIteration at the end."""
    return await items.__anext__()


async def close(items: AsyncIterator[Any]) -> None:
    """End an iterator that can be ended, unless it is still busy ending by itself."""
    if not isinstance(items, AsyncGenerator):
        return
    try:
        await items.aclose()
    except RuntimeError as error:
        logger.debug("a stream could not be closed: %s", error)

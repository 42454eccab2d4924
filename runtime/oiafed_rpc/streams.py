"""Small steps over asynchronous iterators."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, cast

from oiafed_rpc.bounded import GRACE, Bound, Until, Waits, bounded, deadline_exceeded
from oiafed_rpc.log import logger
from oiafed_rpc.workers import WORKERS

_END = object()


def asynchronous(items: AsyncIterable[Any] | Iterable[Any]) -> AsyncIterator[Any]:
    """The items of any iterable; an ordinary one may block, so each item is taken in a worker thread.

    Raises:
        TypeError: for what is no iterable.
    """
    if isinstance(items, AsyncIterable):
        return aiter(items)
    return _there(items) if isinstance(items, list | tuple) else _from_threads(iter(items))


async def _there(items: Iterable[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def _from_threads(items: Iterator[Any]) -> AsyncIterator[Any]:
    """Take each item of an ordinary iterator in a worker thread."""
    stepping = threading.Lock()  # a cancelled step runs on in its thread, and must end before the generator can

    def step() -> Any:
        with stepping:
            return next(items, _END)

    def end(generator: Generator[Any, Any, Any]) -> None:
        with stepping:
            generator.close()

    try:
        while (item := await WORKERS.run(step)) is not _END:
            yield item
    finally:
        if isinstance(items, Generator):
            await WORKERS.run(functools.partial(end, items))


async def item_in_time(items: AsyncIterator[Any], call: Bound, title: str, waits: tuple[Waits, ...] = ()) -> Any:
    """The next item, bounded as a handler is; none comes after the deadline, not even one that is there at once.

    Args:
        items: What gives the items.
        call: What has the deadline of the whole stream.
        title: The method, for the error.
        waits: As for `bounded`.

    Raises:
        StopAsyncIteration: at the end.
        RpcError: as `bounded` does.
    """
    if call.deadline is not None and time.monotonic() >= call.deadline:
        raise deadline_exceeded(title)
    return await bounded(next_item(items), call, title, waits)


async def next_item(items: AsyncIterator[Any]) -> Any:
    """The next item, as a coroutine whatever the iterator gives; raises StopAsyncIteration at the end."""
    return await items.__anext__()


async def close(items: AsyncIterator[Any]) -> None:
    """End an iterator that can be ended; one that takes longer than a moment, or fails, is not waited for."""
    if not isinstance(items, AsyncGenerator):
        return
    generator = cast("AsyncGenerator[Any, None]", items)
    if getattr(generator, "ag_running", False):
        return  # somebody waits for an item, and ends it when that is given up
    try:
        await bounded(_ended(generator), Until(time.monotonic() + GRACE), "the stream")
    except Exception as error:
        logger.warning("a stream could not be closed: %s", error)


async def _ended(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()

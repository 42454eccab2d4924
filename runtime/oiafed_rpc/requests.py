"""Streams that travel with a request: as callers give them, and as handlers take them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeAlias, TypeVar, cast

from oiafed_rpc.bounded import GRACE
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.streams import asynchronous, close
from oiafed_rpc.workers import on_event_loop

T = TypeVar("T")

Items: TypeAlias = AsyncIterable[T] | Iterable[T]
"""What a caller gives where a method takes a stream: a list, a generator, an asynchronous generator."""


class Source(AsyncIterator[Any]):
    """The items of a streamed request on the caller's side.

    Args:
        items: As the caller gave them.
        check: Sees whether an item is of the right kind.

    Attributes:
        failure: What the caller's own iterable raised: the caller gets it as it is, whatever becomes of the call.

    Raises:
        TypeError: where `items` is no iterable.
    """

    def __init__(self, items: Items[Any], check: Callable[[Any], None]) -> None:
        self.failure: Exception | None = None
        self._items = asynchronous(items)
        self._check = check

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        """The next item; raises RpcError CANCELLED where the caller's iterable fails."""
        try:
            item = await anext(self._items)
            self._check(item)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure = error
            raise RpcError(Code.CANCELLED, f"the caller's stream failed: {type(error).__name__}") from error
        return item

    async def aclose(self) -> None:
        """End the caller's iterable, where it can be ended."""
        await close(self._items)


class RequestStream(AsyncIterator[T], Iterator[T]):
    """The items of a streamed request as they come: `async for` in a coroutine, `for` in an ordinary function.

    Args:
        items: What gives them, on the event loop of the call.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._step: asyncio.Task[T] | None = None
        self._ended = False

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        """The next item, on the event loop."""
        return await anext(self._items)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        """The next item, in a thread.

        Raises:
            RpcError: CANCELLED where the call has ended; FAILED_PRECONDITION on the event loop, which must not wait.
        """
        if on_event_loop():
            raise RpcError(Code.FAILED_PRECONDITION, "use `async for` in a coroutine: `for` would block the event loop")
        try:
            return asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
        except StopAsyncIteration:
            raise StopIteration from None
        except concurrent.futures.CancelledError:
            raise _call_ended() from None

    async def _next(self) -> T:
        """One item for a thread, in a task that the end of the call ends."""
        if self._ended:
            raise _call_ended()
        self._step = cast("asyncio.Task[T]", asyncio.current_task())
        try:
            return await anext(self._items)
        finally:
            self._step = None

    async def aclose(self) -> None:
        """End the stream, and wake a thread that waits for an item: the call has ended."""
        self._ended = True
        if self._step is not None:
            self._step.cancel()
            await asyncio.wait([self._step], timeout=GRACE)
        await close(self._items)


def _call_ended() -> RpcError:
    return RpcError(Code.CANCELLED, "the call that this stream belongs to has ended")

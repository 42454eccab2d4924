"""Streams that travel with a request: as callers give them, and as handlers take them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TypeAlias, TypeVar

from oiafed_rpc.errors import Code, RpcError

T = TypeVar("T")

Items: TypeAlias = AsyncIterable[T] | Iterable[T]
"""What a caller gives where a method takes a stream: a list, a generator, an asynchronous generator."""


class RequestStream(AsyncIterator[T], Iterator[T]):
    """The items of a streamed request as they come: `async for` in a coroutine, `for` in an ordinary function.

    Args:
        items: What gives them, on the event loop of the call.
    """

    def __init__(self, items: AsyncIterator[T]) -> None:
        self._items = items
        self._loop = asyncio.get_running_loop()
        self._waiting: concurrent.futures.Future[T] | None = None
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
        if _on_a_loop():
            raise RpcError(Code.FAILED_PRECONDITION, "use `async for` in a coroutine: `for` would block the event loop")
        if not self._ended:
            self._waiting = asyncio.run_coroutine_threadsafe(self.__anext__(), self._loop)
        if self._ended:  # asked after the step began, as `end` may have come between
            self.end()
            raise _call_ended()
        assert self._waiting is not None  # noqa: S101 - for type checkers
        try:
            return self._waiting.result()
        except StopAsyncIteration:
            raise StopIteration from None
        except concurrent.futures.CancelledError:
            raise _call_ended() from None

    def end(self) -> None:
        """Wake a thread that waits for an item: the call has ended."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.cancel()


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _call_ended() -> RpcError:
    return RpcError(Code.CANCELLED, "the call that this stream belongs to has ended")

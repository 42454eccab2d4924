"""Things that one task gives to another."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Hands things from one task to another; the giver waits until the former one was taken."""

    __slots__ = ("_closed", "_giver", "_items", "_taker")

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._closed = False
        self._taker: asyncio.Future[None] | None = None
        self._giver: asyncio.Future[None] | None = None

    async def put(self, item: T) -> None:
        """Give something; it is let go where nobody will take it."""
        while self._items and not self._closed:
            self._giver = asyncio.get_running_loop().create_future()
            await self._giver
        if not self._closed:
            self._items.append(item)
            _wake(self._taker)

    async def take(self) -> T | None:
        """The next thing; None at the end."""
        while not self._items:
            if self._closed:
                return None
            self._taker = asyncio.get_running_loop().create_future()
            await self._taker
        item = self._items.popleft()
        _wake(self._giver)
        return item

    def close(self) -> None:
        """Nothing more is given; what was, can be taken still."""
        self._closed = True
        _wake(self._taker)
        _wake(self._giver)


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)

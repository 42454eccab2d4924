"""Turns: how many large replies of a broadcast are here at one time, on their way in or not yet done with."""

from __future__ import annotations

import asyncio


class Room:
    """Room for a number of large replies. It belongs to one event loop.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._places = asyncio.Semaphore(size)

    def turn(self) -> Turn:
        """A turn for the replies of one node."""
        return Turn(self._places)


class Turn:
    """What one node's large replies wait for, and give back: at most one of them is here at a time.

    Attributes:
        held: Whether one of them is here.
    """

    __slots__ = ("_left", "_places", "held")

    def __init__(self, places: asyncio.Semaphore) -> None:
        self.held = False
        self._places = places
        self._left: asyncio.Future[None] | None = None

    async def enter(self) -> None:
        """Wait until there is room for a reply; not at all where its turn has come already."""
        if not self.held:
            await self._places.acquire()
            self.held = True

    def leave(self) -> None:
        """The reply is done with, or will not come; harmless where it had no turn."""
        if self.held:
            self.held = False
            self._places.release()
            if self._left is not None and not self._left.done():
                self._left.set_result(None)
            self._left = None

    async def left(self) -> None:
        """Wait until the reply is done with; not at all where it had no turn, as small ones have none."""
        if self.held:
            self._left = asyncio.get_running_loop().create_future()
            await self._left

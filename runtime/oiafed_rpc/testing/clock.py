"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time

from typing_extensions import override

from oiafed_rpc.clock import Clock

_ROUNDS = 100
"""Turns of the event loop that woken tasks get before time goes on: many more than a call in memory takes."""


class ManualClock(Clock):
    """A clock for tests: whoever sleeps on it wakes when the test says so, and nobody waits for real.

    Args:
        start: What time it is, in seconds; by default that of `time.monotonic`, on which deadlines are.
    """

    def __init__(self, start: float | None = None) -> None:
        self._now = time.monotonic() if start is None else start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    @override
    def time(self) -> float:
        """What time it is, in seconds."""
        return self._now

    @property
    def sleeping(self) -> int:
        """How many tasks sleep."""
        return len(self._sleepers)

    @override
    async def sleep(self, seconds: float) -> None:
        """Sleep until the clock has been moved on by so much."""
        if not seconds > 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._now + seconds, next(self._order), asyncio.get_running_loop().create_future())
        heapq.heappush(self._sleepers, sleeper)
        self._changed.set()
        try:
            await sleeper[2]
        finally:
            if sleeper in self._sleepers:  # it was cancelled
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move the clock on. Sleepers wake in the order in which they are due, each when the clock shows its time.

        After each, all tasks run until they wait for something; what they sleep for meanwhile counts from then on. A
        task that waits for a thread or a socket may need longer than that: wait for it by `until_sleeping` or by its
        result before the next advance.

        Raises:
            ValueError: seconds is negative: time does not go back.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must not be negative: {seconds}")
        end = self._now + seconds
        await self._settled()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, sleeper = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)  # later than due where it stood still
            if not sleeper.done():
                sleeper.set_result(None)
            await self._settled()
        self._now = end

    async def stand_still(self, seconds: float) -> None:
        """Have time pass in which this process did nothing, as while its machine slept: who is due wakes late.

        Raises:
            ValueError: seconds is negative: time does not go back.
        """
        if not seconds >= 0:
            raise ValueError(f"seconds must not be negative: {seconds}")
        await self._settled()
        self._now += seconds
        await self.advance(0)

    async def until_sleeping(self, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until at least so many tasks sleep.

        Args:
            count: How many.
            timeout: Seconds of real time after which the test has failed.

        Raises:
            TimeoutError: They did not.
        """
        try:
            async with asyncio.timeout(timeout):
                while len(self._sleepers) < count:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            told = f"{len(self._sleepers)} of {count} tasks sleep on the clock after {timeout:g} s"
            raise TimeoutError(told) from None

    async def _settled(self) -> None:
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

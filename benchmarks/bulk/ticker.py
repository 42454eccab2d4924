"""Watches how long an event loop is kept from its other work."""

from __future__ import annotations

import asyncio
import time

_EVERY = 0.001


class Ticker:
    """Wakes every millisecond, and remembers the longest time that it slept beyond that."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._task = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_EVERY)
            self._longest = max(self._longest, time.perf_counter() - began - _EVERY)

    async def stop(self) -> float:
        """Stop; returns the longest gap, in seconds."""
        self._task.cancel()
        await asyncio.wait([self._task])
        return self._longest

"""A transfer that advances is alive; one that stands still is ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from oiafed_rpc.bulk.meter import Meter

_TICK = 0.25  # seconds


@asynccontextmanager
async def in_motion(meter: Meter) -> AsyncGenerator[None, None]:
    """What runs within ends with TimeoutError once its transfer has stood still for `meter.idle` seconds."""
    async with asyncio.timeout(meter.idle) as limit:
        watch = _Watch(meter, limit)
        try:
            yield
        finally:
            watch.stop()


class _Watch:
    """Moves a limit of time while a transfer moves.

    It is no closure that calls itself later, as such a one would keep the payload until the garbage collector comes.
    """

    def __init__(self, meter: Meter, limit: asyncio.Timeout) -> None:
        self._meter = meter
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._timer: asyncio.Handle = self._loop.call_soon(self._look)

    def _look(self) -> None:
        idle = self._meter.idle
        moved = max(self._begun, self._loop.time() - self._meter.still())
        if not self._limit.expired():
            self._limit.reschedule(moved + idle)
        self._timer = self._loop.call_later(min(_TICK, idle / 4), self._look)

    def stop(self) -> None:
        self._timer.cancel()

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
    loop = asyncio.get_running_loop()
    begun = loop.time()
    timer: asyncio.Handle
    async with asyncio.timeout(meter.idle) as limit:

        def look() -> None:
            nonlocal timer
            moved = max(begun, loop.time() - meter.still())
            if not limit.expired():
                limit.reschedule(moved + meter.idle)
            timer = loop.call_later(min(_TICK, meter.idle / 4), look)

        timer = loop.call_soon(look)
        try:
            yield
        finally:
            timer.cancel()

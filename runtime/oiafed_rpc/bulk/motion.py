"""A transfer that advances is alive; one that stands still, or breaks off again and again, is ended."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.errors import RpcError

_TICK = 0.25  # seconds
_PATIENCE = 10.0  # seconds, from when it breaks, in which a link may come back
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds
_MOST_WRONG = 3  # attempts that end with something wrong, and bring nothing


@asynccontextmanager
async def in_motion(meter: Meter) -> AsyncGenerator[None, None]:
    """What runs within ends with TimeoutError once its transfer has stood still for `meter.idle` seconds."""
    async with asyncio.timeout(None) as limit:
        watch = _Watch(meter, limit)
        try:
            yield
        finally:
            watch.stop()


class _Watch:
    """Ends what runs under a limit of time once a transfer has stood still.

    It is no closure that calls itself later: such a one would keep the payload until the garbage collector comes. And
    its timers are short, as the event loop keeps a cancelled one, and what it was made by, until it is due.
    """

    def __init__(self, meter: Meter, limit: asyncio.Timeout) -> None:
        self._meter = meter
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()
        self._timer: asyncio.Handle = self._loop.call_soon(self._look)

    def _look(self) -> None:
        now, idle = self._loop.time(), self._meter.idle
        left = max(self._begun, now - self._meter.still()) + idle - now
        if left <= 0:
            self._limit.reschedule(now)
        else:
            self._timer = self._loop.call_later(min(_TICK, left), self._look)

    def stop(self) -> None:
        self._timer.cancel()


class Breaks:
    """How a transfer has broken off.

    Args:
        meter: Of the transfer.

    Attributes:
        times: How often.
        pause: Seconds to wait for before it is tried again.
    """

    def __init__(self, meter: Meter) -> None:
        self.times = 0
        self.pause = 0.0
        self._meter = meter
        self._wrong = 0
        self._sure = 0
        self._since = self._now = -math.inf

    def note(self, error: Exception) -> None:
        """It has broken off once more."""
        self.times += 1
        self._now = time.monotonic()
        brought = self.times == 1 or self._meter.sure > self._sure  # the attempt before has brought something
        refused = isinstance(error, RpcError)  # so that what was sent meanwhile has gone nowhere
        if brought if refused else self._now - self._meter.still() > self._since:  # it has moved since then
            self._since = self._now
        if brought:
            self.pause, self._wrong, self._sure = _FIRST_PAUSE, 0, self._meter.sure
        else:
            self.pause = min(2 * self.pause, _LONGEST_PAUSE)
        self._wrong += isinstance(error, TransferError)

    @property
    def for_good(self) -> bool:
        """Whether there is no point in trying again."""
        waited = self._now - self._since >= _PATIENCE or self._meter.still() >= self._meter.idle
        return waited or self._wrong == _MOST_WRONG

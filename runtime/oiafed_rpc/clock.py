"""Time as the runtime sees it: a clock that can be exchanged for one that tests control."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from typing_extensions import override


class Clock(Protocol):
    """What tells the time, and waits."""

    def time(self) -> float:
        """Seconds since some point; they never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; not at all for 0 or less, though other tasks get their turn."""
        ...


class _SystemClock(Clock):
    """The clock of `time.monotonic`, on which deadlines are."""

    @override
    def time(self) -> float:
        return time.monotonic()

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @override
    def __reduce__(self) -> str:
        return "SYSTEM_CLOCK"


SYSTEM_CLOCK: Clock = _SystemClock()
"""The real time, of `time.monotonic`."""

"""The way from a node to one other, on which its calls meet with faults."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from oiafed_rpc.bounded import Until, Waits, bounded
from oiafed_rpc.clock import Clock
from oiafed_rpc.config.faults import Way
from oiafed_rpc.errors import RetriableError
from oiafed_rpc.testing.faults.fates import Injected, Strike
from oiafed_rpc.testing.faults.sizes import size_of

T = TypeVar("T")

_PATIENCE = 1.0
"""Seconds that a link stays down, and that a message is held back, where the rule does not say."""


class Link:
    """What leads from a node to one other.

    Args:
        target: The id of that other.
        clock: What the time is told by.
        note: Is told of each fault.

    Attributes:
        cuts: How often it was cut.
    """

    def __init__(self, target: str, clock: Clock, note: Callable[[Injected], object]) -> None:
        self.cuts = 0
        self._target = target
        self._clock = clock
        self._note = note
        self._down_until = -math.inf
        self._waits = Waits()
        self._held: dict[Way, list[asyncio.Future[None]]] = {"request": [], "reply": []}
        self._free: dict[Way, float] = {"request": -math.inf, "reply": -math.inf}

    def check(self) -> None:
        """Raises: RetriableError, where it is down: what is to be sent does not leave."""
        if self._clock.time() < self._down_until:
            raise RetriableError(
                f"the link to {self._target!r} is down: a fault keeps it so", {"node": self._target}, ran=False
            )

    def check_uncut(self, cuts: int) -> None:
        """Raises: RetriableError, where it was cut since it counted so many cuts."""
        if self.cuts != cuts:
            raise self._broken()

    def cut(self, seconds: float) -> None:
        """Break all calls that are under way, and refuse others for so many seconds."""
        self._down_until = max(self._down_until, self._clock.time() + seconds)
        self.cuts += 1
        self._waits.fail(self._broken)

    def mend(self) -> None:
        """Let calls through again."""
        self._down_until = -math.inf

    def _broken(self) -> RetriableError:
        return RetriableError(f"the link to {self._target!r} broke: a fault has cut it", {"node": self._target})

    async def through(self, steps: Coroutine[Any, Any, T], title: str) -> T:
        """Do something that fails when the link is cut.

        Raises:
            RetriableError: It was; whether the call ran is not known.
        """
        waiting: Awaitable[T] = bounded(steps, Until(None), title, (self._waits,))
        return await waiting

    async def carry(self, way: Way, strikes: list[Strike], payload: object) -> None:
        """Have a message go by, and meet with its faults; it does not come back where one drops it.

        Raises:
            RetriableError: One has cut the link.
        """
        for strike in strikes:
            await self._strike(way, strike, payload)
        self._release(way)

    async def _strike(self, way: Way, strike: Strike, payload: object) -> None:
        kind, seconds = strike.injected.kind, strike.seconds
        if kind == "duplicate":
            return  # whoever sends the request sends it again
        self._note(strike.injected)
        match kind:
            case "drop":
                await asyncio.get_running_loop().create_future()
            case "delay":
                await self._clock.sleep(seconds or 0.0)
            case "reorder":
                await self._hold_back(way, _PATIENCE if seconds is None else seconds)
            case "cut":
                self.cut(_PATIENCE if seconds is None else seconds)
                raise self._broken()
            case "throttle":
                await self._wait_for_room(way, size_of(payload) / strike.rate)

    async def _hold_back(self, way: Way, seconds: float) -> None:
        """Wait until another message has gone by. One that comes while another is held back is that other."""
        held = self._held[way]
        if held:
            return
        passed = asyncio.get_running_loop().create_future()
        held.append(passed)
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((passed, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            if passed in held:
                held.remove(passed)

    def _release(self, way: Way) -> None:
        """A message has gone by: let those go that wait for it, after it."""
        held = self._held[way]
        while held:
            passed = held.pop()
            if not passed.done():
                passed.set_result(None)

    async def _wait_for_room(self, way: Way, seconds: float) -> None:
        """Wait until all before this message are through, and it is too."""
        now = self._clock.time()
        self._free[way] = max(now, self._free[way]) + seconds
        await self._clock.sleep(self._free[way] - now)

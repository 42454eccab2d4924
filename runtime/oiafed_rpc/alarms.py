"""Deadlines of many waits on one timer of their event loop: a timer for each would cost more than most waits."""

from __future__ import annotations

import asyncio
import math
import time
import weakref
from typing import Protocol

from oiafed_rpc.lasting import apart_from_calls

_NEVER = math.inf
_SOONEST = 0.001  # seconds; an event loop may be a little early


class Sleeper(Protocol):
    """What is woken."""

    def ring(self) -> None:
        """Called once, on the event loop, when the time has come."""
        ...


class Alarms:
    """The alarms of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._due: dict[Sleeper, float] = {}
        self._next = _NEVER
        self._handle: asyncio.TimerHandle | None = None

    def set(self, sleeper: Sleeper, due: float) -> None:
        """Have a sleeper woken, at a moment on the clock of `time.monotonic`, in seconds, instead of a former one."""
        self._due[sleeper] = due
        if due < self._next:
            self._arm(due)

    def drop(self, sleeper: Sleeper) -> None:
        """Let a sleeper sleep; harmless where it has no alarm."""
        self._due.pop(sleeper, None)

    def _arm(self, due: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        loop = self._loop()
        self._next = due
        if loop is not None:
            pause = max(_SOONEST, due - time.monotonic())
            self._handle = apart_from_calls(loop.call_later, pause, self._ring)

    def _ring(self) -> None:
        self._next, self._handle = _NEVER, None
        now = time.monotonic()
        for sleeper in [each for each, due in self._due.items() if due <= now]:
            del self._due[sleeper]
            sleeper.ring()
        if self._due:
            self._arm(min(self._due.values()))


_all: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Alarms] = weakref.WeakKeyDictionary()


def alarms_of(loop: asyncio.AbstractEventLoop) -> Alarms:
    """The alarms of an event loop."""
    alarms = _all.get(loop)
    if alarms is None:
        alarms = _all[loop] = Alarms(loop)
    return alarms

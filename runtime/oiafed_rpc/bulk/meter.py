"""How far transfers have come: for callbacks, for the log, and for whoever sees whether a link stands still."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from oiafed_rpc.log import logger

_SECONDS_BETWEEN = 0.05

LOGGED = 16 << 20
"""Bytes from which on a transfer is worth a line of the log."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a large payload has come: what `with_options(progress=...)` calls its callback with.

    Attributes:
        node_id: The node at the other end.
        method: The method that is called.
        sending: Whether the payload goes there (the request of a call from here), or comes from there (its reply).
        done: Bytes that have arrived and are verified, before compression.
        total: Bytes that there are.
        moved: Bytes that have travelled, before compression: fewer than `done` where an earlier attempt had brought a
            part, more where a part had to travel twice.
        wire: Bytes that have travelled, after compression.
        seconds: Since it began.
        lane: What carries it: `shared_memory`, `socket` or `stream`; empty before one is chosen.
        number: What tells this transfer from all others of the process.
        over: Whether this is the last that is told of it.
        error: Why it ended before all had arrived; None where it did not. An attempt to call again is a transfer of
            its own, though it goes on where this one stopped.
    """

    node_id: str
    method: str
    sending: bool
    done: int
    total: int
    moved: int
    wire: int
    seconds: float
    lane: str
    number: int
    over: bool = False
    error: BaseException | None = None

    @property
    def rate(self) -> float:
        """Bytes per second, before compression."""
        return self.moved / self.seconds if self.seconds > 0 else 0.0

    @property
    def gain(self) -> float:
        """How many times larger the payload is than what travelled: 1.0 where nothing was compressed."""
        return self.moved / self.wire if self.wire else 1.0

    def __str__(self) -> str:
        """In a few words."""
        whole = self.over and self.error is None
        way = in_words(self.total) if whole else f"{in_words(self.done)} of {in_words(self.total)}"
        packed = f", compressed {self.gain:.2f} times" if self.gain > 1.005 else ""
        lane = f" over {self.lane}" if self.lane else ""
        return f"{way} in {self.seconds:.3g} s, {in_words(self.rate)}/s{lane}{packed}"


def in_words(size: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 100 or unit == "B" else f"{size:.3g} {unit}"


class Progress:
    """A callback for transfers. What it raises is logged once, and does no harm to the calls.

    Args:
        callback: An ordinary function; what it returns is ignored.

    Raises:
        TypeError: for what can't be called, and for a coroutine function, which nobody would await.
    """

    __slots__ = ("_callback", "_failed")

    def __init__(self, callback: Callable[[Transfer], object]) -> None:
        if not callable(cast("object", callback)) or inspect.iscoroutinefunction(callback):
            raise TypeError(f"progress must be an ordinary function that takes a Transfer, not {callback!r:.60}")
        self._callback = callback
        self._failed = False

    @classmethod
    def of(cls, callback: Callable[[Transfer], object] | None) -> Progress | None:
        """A callback as one; None where there is none."""
        return callback if callback is None or isinstance(callback, Progress) else cls(callback)

    def __call__(self, transfer: Transfer) -> None:
        """Tell of a transfer."""
        try:
            self._callback(transfer)
        except Exception:
            if not self._failed:
                self._failed = True
                logger.exception("the progress callback %r failed; its further failures are not logged", self._callback)


class Served(Protocol):
    """A call that has a transfer: a `Message`."""

    arrived: bool

    def time_left(self) -> float | None:
        """Seconds until its deadline."""
        ...

    def keep(self, left: float) -> None:
        """Have this many seconds left from now on, where nobody gave the deadline."""
        ...


class Meter:
    """Measures one transfer. It is made, finished and failed on the event loop.

    Args:
        method: The method that is called.
        node_id: The node at the other end.
        total: Bytes of the payload.
        sending: Whether it goes there, or comes from there.
        idle: Seconds without one more verified chunk after which the link counts as dead.
        progress: What is told of it, on the event loop: at its first chunk, about 20 times a second, and at its end.
        call: The call that it belongs to, whose time stands still while the transfer advances, and which is told once
            all that it is answered with has arrived.

    Attributes:
        sending: As given.
        total: As given.
        idle: As given.
        done: Bytes that have arrived and are verified, as far as is known: while sending, those that were sent.
        sure: Bytes that the receiver had verified when the last attempt began.
        lane: What carries it; set by whoever chooses.
    """

    def __init__(
        self,
        method: str,
        node_id: str,
        total: int,
        *,
        sending: bool,
        idle: float,
        progress: Callable[[Transfer], object] | None = None,
        call: Served | None = None,
    ) -> None:
        self.sending = sending
        self.total = total
        self.idle = idle
        self.done = self.sure = 0
        self.lane = ""
        self._moved = self._wire = 0
        self._method, self._node_id = method, node_id
        self._number = next(_numbers)
        self._progress = Progress.of(progress)
        self._loop = None if progress is None else asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._over = False
        self._begun = self._advanced = time.monotonic()
        self._told = self._begun - _SECONDS_BETWEEN
        left = None if call is None else call.time_left()
        self._call, self._left = call, left
        self._stop_the_clock(idle)

    def _stop_the_clock(self, slack: float) -> None:
        if self._call is not None and self._left is not None:
            self._call.keep(self._left + slack)

    def resume(self, done: int) -> None:
        """Go on from where the receiver is: it may have more than was begun with, or less than was sent."""
        self.done = self.sure = done

    def advance(self, raw: int, wire: int) -> None:
        """Note a verified chunk. From any thread, one at a time.

        Args:
            raw: Its bytes.
            wire: The bytes that travelled for it.
        """
        self.done += raw
        self._moved += raw
        self._wire += wire
        self._advanced = now = time.monotonic()
        self._stop_the_clock(self.idle)
        if self._call is not None and self.done >= self.total and not self.sending:
            self._call.arrived = True
        if self._progress is not None and now - self._told >= _SECONDS_BETWEEN:
            self._told = now
            self._tell_soon(self._loop)

    def still(self) -> float:
        """Seconds since the last verified chunk, or since it began."""
        return time.monotonic() - self._advanced

    def finish(self) -> None:
        """All has arrived: tell for the last time."""
        self._end(None)

    def fail(self, error: BaseException) -> None:
        """It has ended early: tell for the last time. Harmless where it has been finished."""
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._over = True
        self._stop_the_clock(0.0)
        last = self._transfer(error)
        if self._progress is not None:
            self._progress(last)
        if self.total >= LOGGED:
            self._log(last)

    def _log(self, last: Transfer) -> None:
        if last.error is None:
            done, way = ("sent", "to") if self.sending else ("received", "from")
            logger.info("%s %s %s node %r: %s", self._method, done, way, self._node_id, last)
        else:
            done, way = ("sending", "to") if self.sending else ("receiving", "from")
            why = f"{type(last.error).__name__}: {last.error}"
            logger.info("%s stopped %s %s node %r at %s: %s", self._method, done, way, self._node_id, last, why)

    def _tell_soon(self, loop: asyncio.AbstractEventLoop | None) -> None:
        if threading.get_ident() == self._thread:
            self._tell()
        elif loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if self._progress is not None and not self._over:
            self._progress(self._transfer(None))

    def _transfer(self, error: BaseException | None) -> Transfer:
        return Transfer(
            self._node_id,
            self._method,
            self.sending,
            self.done,
            self.total,
            self._moved,
            self._wire,
            time.monotonic() - self._begun,
            self.lane,
            self._number,
            self._over,
            error,
        )

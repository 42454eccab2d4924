"""One call that a node remembers."""

from __future__ import annotations

import asyncio
from typing import Any

from oiafed_rpc.delivery.answer import Answer
from oiafed_rpc.delivery.marks import Number


class Kept:
    """A call that runs, or its answer.

    Args:
        key: The id of its caller, and its call id.
        number: The number in that.
        why: Why it is cancelled where nobody has waited for its answer for too long.
        task: What it runs in; None for one that has ended.

    Attributes:
        key: As given.
        number: As given.
        task: What it runs in; None once it has ended.
        waiting: How many wait for its answer.
        answer: Its answer; None as long as it runs, and once that was let go.
        ended: Whether it has ended.
        since: When it has ended, or was last asked for.
        size: Bytes of the answer that count as remembered.
        why: Why it is cancelled, if it is.
    """

    __slots__ = ("_ended", "_moved", "answer", "ended", "key", "number", "since", "size", "task", "waiting", "why")

    def __init__(self, key: tuple[str, str], number: Number, why: str, task: asyncio.Task[Any] | None) -> None:
        self.key = key
        self.number = number
        self.task = task
        self.waiting = 1
        self.answer: Answer | None = None
        self.ended = False
        self.since = 0.0
        self.size = 0
        self.why = why
        self._moved = 0
        self._ended: asyncio.Event | None = None

    def leave(self) -> bool:
        """One waits no more: whether it was the last, and the call still runs."""
        self.waiting -= 1
        return not self.waiting and not self.ended

    def ring(self) -> None:
        """Nobody has come back for its answer."""
        self.cancel(self.why)

    def cancel(self, why: str) -> None:
        """End it where it runs."""
        if self.task is not None:
            self.why = why
            self.task.cancel()

    def end(self, answer: Answer | None) -> None:
        """It has an answer, or had one."""
        self.task = None
        self.answer = answer
        self.ended = True
        self.size = answer.size if answer is not None else 0
        if self._ended is not None:
            self._ended.set()

    def let_go(self) -> None:
        """Give back an answer; what is left tells that there was one."""
        if self.answer is not None and self.answer.outgoing is not None:
            self.answer.outgoing.let_go()
        self.answer = None

    def expired(self, before: float) -> bool:
        """Whether an answer was asked for, or seen to move, only before a moment on the clock of `time.monotonic`."""
        moved = self.answer.outgoing.moved if self.answer is not None and self.answer.outgoing is not None else 0
        if moved != self._moved:
            self._moved = moved
            return False
        return self.since <= before

    async def until_ended(self) -> None:
        """Wait until it has ended."""
        if not self.ended:
            self._ended = self._ended or asyncio.Event()
            await self._ended.wait()

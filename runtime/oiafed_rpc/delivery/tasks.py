"""Tasks that begin at once: most calls end in their first step, and need not wait for a turn of the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")

_EAGER = sys.version_info[:2] >= (3, 12)


class _Steps(Coroutine[Any, Any, Any]):
    """A coroutine whose first step is taken as part of a task, before that task has its turn.

    A task that is cancelled before that turn throws into it what a task is to throw, as if it had begun.
    """

    def __init__(self, work: Coroutine[Any, Any, Any]) -> None:
        self._work = work
        self._waits = False
        self._waiting: Any = None
        self.ended = False
        self.value: Any = None

    def first(self) -> None:
        """Take it; raises what the coroutine raises."""
        self.ended = True
        try:
            self._waiting = self._work.send(None)
        except StopIteration as done:
            self.value = done.value
            return
        self.ended, self._waits = False, True

    def send(self, value: Any) -> Any:
        """Go on; a task whose work has ended already has nothing to do."""
        if self.ended:
            raise StopIteration
        if not self._waits:
            return self._work.send(value)
        self._waits = False
        waiting, self._waiting = self._waiting, None
        return waiting

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits."""
        self._waits, self._waiting = False, None
        return self._work.throw(*error)

    def close(self) -> None:
        """End it."""
        self._work.close()

    def __await__(self) -> Generator[Any, None, Any]:
        raise NotImplementedError("only a task runs it")


def _begin_in_steps(work: Coroutine[Any, Any, T], name: str) -> tuple[T | None, asyncio.Task[T] | None]:
    """As `begin`; before Python 3.12, asyncio has no such tasks of its own."""
    from asyncio.tasks import _enter_task, _leave_task  # pyright: ignore[reportPrivateUsage] # eager tasks use them too

    loop, current, context = asyncio.get_running_loop(), asyncio.current_task(), contextvars.copy_context()
    steps = _Steps(work)
    task: asyncio.Task[T] = asyncio.Task(steps, loop=loop, name=name, context=context)
    if current is not None:
        _leave_task(loop, current)
    _enter_task(loop, task)
    try:
        context.run(steps.first)
    finally:
        _leave_task(loop, task)
        if current is not None:
            _enter_task(loop, current)
    return (steps.value, None) if steps.ended else (None, task)


def _begin_eagerly(work: Coroutine[Any, Any, T], name: str) -> tuple[T | None, asyncio.Task[T] | None]:
    eager: Any = asyncio.Task  # its parameter is not known to type checkers at the oldest Python that is supported
    task: asyncio.Task[T] = eager(work, loop=asyncio.get_running_loop(), name=name, eager_start=True)
    return (task.result(), None) if task.done() else (None, task)


begin = _begin_eagerly if _EAGER else _begin_in_steps
"""Begin a task.

Args:
    work: What it does.
    name: Its name.

Returns:
    The result, where it has ended in its first step, else the task.

Raises:
    BaseException: what it has raised in its first step.
"""

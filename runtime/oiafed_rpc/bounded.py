"""Running a handler within its deadline, without a task of its own.

A task costs more than a whole call in memory, so the handler's coroutine is driven inside the task of its caller, and
only a handler that waits arms a timer. One that is cancelled may clean up for a moment, and is closed if it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import types
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple, Protocol

from oiafed_rpc.alarms import alarms_of
from oiafed_rpc.errors import Code, RpcError, type_and_text
from oiafed_rpc.log import logger

GRACE = 0.5
"""Seconds in which a cancelled handler may clean up."""

_MOVED = 1.0  # seconds after which a deadline that has moved is looked at again: it may have moved back


class Steps(Protocol):
    """What a coroutine and the awaitable of an asynchronous generator's next item have in common."""

    def send(self, value: None, /) -> Any:
        """Run until the next wait."""
        ...

    def throw(self, error: BaseException, /) -> Any:
        """Raise an error where it waits."""
        ...

    def close(self) -> Any:
        """End it."""
        ...


class Bound(Protocol):
    """What has a deadline, which may move while it is waited for: a `Message`, or `Until`."""

    @property
    def deadline(self) -> float | None:
        """When the handler must end, on the clock of `time.monotonic`, in seconds; None for no limit."""
        ...

    @property
    def arrived(self) -> bool:
        """Whether what it waits for has come, so that nothing but its deadline, or a cancellation, is to end it."""
        ...


class Until(NamedTuple):
    """A deadline that stays."""

    deadline: float | None
    arrived: bool = False


def first_step(steps: Steps, title: str) -> tuple[Any, bool]:
    """Run a handler until it ends or waits for the first time, which needs no timer.

    Returns:
        What it gave, and True; or what it waits for, and False: then `rest` goes on with it.

    Raises:
        RpcError: CANCELLED where the handler raised CancelledError by itself; INTERNAL where it raised what is no
            Exception.
    """
    try:
        return steps.send(None), False
    except StopIteration as done:
        return done.value, True
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _no_exception(title, error) from error


@types.coroutine
def bounded(steps: Steps, call: Bound, title: str, waits: tuple[Waits, ...] = ()) -> Generator[Any, None, Any]:
    """Run a handler until it ends, its deadline passes, or its caller is cancelled.

    Args:
        steps: The coroutine of the handler.
        call: What has its deadline.
        title: The method, for the error.
        waits: Where this wait is entered while it lasts, for others to end it.

    Raises:
        RpcError: DEADLINE_EXCEEDED after the deadline, and after the handler has cleaned up, for `GRACE` at most; what
            `Wait.fail` was given; CANCELLED where the handler raised CancelledError by itself; INTERNAL where it raised
            what is no Exception.
    """
    came, done = first_step(steps, title)
    if done:
        return came
    return (yield from _rest(steps, came, call, title, waits))


def _rest(steps: Steps, waiting: Any, call: Bound, title: str, waits: tuple[Waits, ...]) -> Generator[Any, None, Any]:
    """What follows on `first_step`: as `bounded`, for a handler that waits."""
    wait = Wait(call, waits)
    thrown: BaseException | None = None
    try:
        while True:
            thrown = None
            try:
                yield waiting
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # of what the handler waits for, or a cancellation
                thrown = error
            if wait.ending:
                wait.recover()
            cancelled = wait.cancelled(thrown)
            if cancelled and wait.ending:
                _end(steps, title)
                break
            try:
                waiting = steps.send(None) if thrown is None else steps.throw(thrown)
            except StopIteration as done:
                if not wait.struck:
                    return done.value
                break
            except BaseException as error:
                if wait.struck:
                    _log_failure(title, error)
                    break
                wait.forgive(error)
                if isinstance(error, Exception | KeyboardInterrupt) or wait.abandoned:
                    raise
                raise _no_exception(title, error) from error
            if wait.cancelled(thrown):
                wait.grant(GRACE)
    finally:
        wait.end()
        thrown = None  # it has this frame, and that the payload
    raise wait.outcome(title)


rest: Callable[[Steps, Any, Bound, str, tuple[Waits, ...]], Awaitable[Any]] = types.coroutine(_rest)


def deadline_exceeded(title: str) -> RpcError:
    """The error of a call that did not end in time."""
    return RpcError(Code.DEADLINE_EXCEEDED, f"{title} did not end by its deadline")


def _no_exception(title: str, error: BaseException) -> RpcError:
    """A handler may end itself, but neither its caller nor the process around it."""
    code = Code.CANCELLED if isinstance(error, asyncio.CancelledError) else Code.INTERNAL
    details = {"type": type(error).__name__, "method": title}
    return RpcError(code, f"the handler of {title} raised {type_and_text(error)}", details)


class _EndError(BaseException):
    """Ends a handler that swallows its cancellation.

    `close` would not do: closing what awaits an asynchronous generator leaves that generator as it was.
    """


def _log_failure(title: str, error: BaseException) -> None:
    if not isinstance(error, asyncio.CancelledError | StopAsyncIteration | _EndError):
        logger.warning("the handler of %s failed while it was being cancelled", title, exc_info=error)


def _end(steps: Steps, title: str) -> None:
    """End a handler that goes on although it was cancelled."""
    try:
        steps.throw(_EndError())
        logger.warning("the handler of %s goes on although it was cancelled, and is left where it is", title)
        steps.close()
    except (StopIteration, _EndError, asyncio.CancelledError):
        pass
    except Exception as error:
        logger.debug("the handler of %s was ended: %s", title, error)


class Wait:
    """Cancels the current task at a deadline, and tells that cancellation from others, as `asyncio.timeout` does.

    Attributes:
        task: The task that the handler runs in.
        ending: Whether the handler has been cancelled, and is cleaning up.
    """

    __slots__ = ("_alarms", "_before", "_call", "_ended", "_failure", "_own", "_seen", "_waits", "ending", "task")

    def __init__(self, call: Bound, waits: tuple[Waits, ...]) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call must be awaited in a task of asyncio")
        self.task = task
        self.ending = False
        self._before = self._seen = task.cancelling()
        self._own = 0
        self._failure: RpcError | None = None
        self._ended: asyncio.Event | None = None
        self._waits = waits
        for each in waits:
            each.add(self)
        self._alarms = alarms_of(task.get_loop())
        self._call = call
        if call.deadline is not None:
            self._alarms.set(self, call.deadline)

    def end(self) -> None:
        """It is over, however it ended."""
        self._alarms.drop(self)
        for waits in self._waits:
            waits.discard(self)
        for _ in range(self._own):
            self.task.uncancel()
        if self._ended is not None:
            self._ended.set()

    async def ended(self) -> None:
        """Wait until it is over."""
        self._ended = self._ended or asyncio.Event()
        await self._ended.wait()

    def ring(self) -> None:
        """The deadline has come, or the end of the grace; or the deadline has moved."""
        if self.recover():
            return
        now, deadline = time.monotonic(), self._call.deadline
        if self.ending or deadline is None or deadline <= now:
            self._cancel(None)
        else:
            self._alarms.set(self, min(deadline, now + _MOVED))

    def fail(self, make: Callable[[], RpcError]) -> None:
        """End the wait with an error. From any thread; one that has ended, or has what it waits for, is left alone."""
        loop = self.task.get_loop()
        with contextlib.suppress(RuntimeError):  # of a loop that has closed: nobody waits any more
            loop.call_soon_threadsafe(self._fail, make)

    def _fail(self, make: Callable[[], RpcError]) -> None:
        if not (self.ending or self._call.arrived) and any(self in waits for waits in self._waits):
            self._cancel(make())

    def _cancel(self, failure: RpcError | None) -> None:
        self._own += 1
        if not self.ending:
            self._failure = failure
        self.task.cancel()

    @property
    def struck(self) -> bool:
        """Whether it was ended from here.

        A handler that somebody else cancels ends as it likes, as any coroutine does: that somebody may be a task group
        of the handler's own, and then what it raises is the outcome.
        """
        return self._own > 0

    @property
    def abandoned(self) -> bool:
        """Whether somebody else has cancelled the task since the wait began."""
        return self.task.cancelling() > self._before

    def forgive(self, error: BaseException) -> None:
        """Take back the cancellation by a task group that has failed: before Python 3.13 the group itself does not."""
        if isinstance(error, BaseExceptionGroup):
            while self.abandoned:
                self.task.uncancel()

    def cancelled(self, thrown: BaseException | None) -> bool:
        """Whether what was thrown cancels the call: not so where a timeout of the handler's own took it back."""
        return isinstance(thrown, asyncio.CancelledError) and self.task.cancelling() > self._seen

    def grant(self, seconds: float) -> None:
        """Let the handler clean up for a while."""
        self.ending = True
        self._seen = self.task.cancelling()
        self._alarms.set(self, time.monotonic() + seconds)

    def recover(self) -> bool:
        """Whether what cancelled the handler was a timeout of its own, which has taken that back after a clean-up."""
        if self.struck or self.task.cancelling() >= self._seen:
            return False
        self.ending = False
        self._seen = self.task.cancelling()
        if self._call.deadline is None:
            self._alarms.drop(self)
        else:
            self._alarms.set(self, self._call.deadline)
        return True

    def outcome(self, title: str) -> BaseException:
        """What ended the call: the deadline, unless somebody else cancelled it too."""
        if self._own and self.task.cancelling() <= self._before:
            return self._failure or deadline_exceeded(title)
        return asyncio.CancelledError()


class Waits(set[Wait]):
    """Waits that something may end from without: that a peer is lost, that a node stops."""

    async def until_empty(self) -> None:
        """Wait until none is left."""
        while self:
            await next(iter(self)).ended()

    def fail(self, make: Callable[[], RpcError]) -> None:
        """End all of them with an error."""
        for wait in tuple(self):
            wait.fail(make)

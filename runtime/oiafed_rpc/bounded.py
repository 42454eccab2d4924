"""Running a handler within its deadline, without a task of its own.

A task costs more than a whole call in memory, so the handler's coroutine is driven inside the task of its caller. Only
a handler that waits arms a timer, and only one that goes on after it was cancelled gets a task: it is left to
finish there, so that no caller ever waits for it.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Generator
from typing import Any, Protocol

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.log import logger as _logger


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


_abandoned: set[asyncio.Task[None]] = set()
"""Handlers that were cancelled and are still busy ending; kept so that they are not collected meanwhile."""


@types.coroutine
def bounded(steps: Steps, deadline: float | None, title: str) -> Generator[Any, None, Any]:
    """Run a handler until it ends, its deadline passes, or its caller is cancelled.

    Args:
        steps: The coroutine of the handler.
        deadline: When it must end, on the clock of `time.monotonic`, in seconds; None for no limit.
        title: The method, for the error.

    Raises:
        RpcError: DEADLINE_EXCEEDED after the deadline; CANCELLED where the handler raised CancelledError by itself;
            INTERNAL where it raised SystemExit.
    """
    try:
        waiting = steps.send(None)
    except StopIteration as done:
        return done.value
    except asyncio.CancelledError:
        raise _cancelled_itself(title) from None
    except (SystemExit, GeneratorExit) as error:
        raise _ended_itself(title, error) from error
    with _Timer(deadline) as timer:
        while True:
            thrown: BaseException | None = None
            try:
                yield waiting
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # of what the handler waits for, or a cancellation
                thrown = error
            try:
                waiting = steps.send(None) if thrown is None else steps.throw(thrown)
            except StopIteration as done:
                if not timer.cancelled(thrown):
                    return done.value
            except asyncio.CancelledError:
                if not timer.task.cancelling():
                    raise _cancelled_itself(title) from None
            except (SystemExit, GeneratorExit) as error:
                raise _ended_itself(title, error) from error
            except Exception as error:
                if not timer.cancelled(thrown):
                    raise
                _log_failure(error)
            else:
                if not timer.cancelled(thrown):
                    continue
                _leave_behind(steps, waiting)
            if timer.expired():
                raise deadline_exceeded(title)
            raise asyncio.CancelledError


def deadline_exceeded(title: str) -> RpcError:
    """The error of a call that did not end in time."""
    return RpcError(Code.DEADLINE_EXCEEDED, f"{title} did not end by its deadline")


def _cancelled_itself(title: str) -> RpcError:
    return RpcError(Code.CANCELLED, f"the handler of {title} raised CancelledError")


def _ended_itself(title: str, error: BaseException) -> RpcError:
    """A handler may end itself, but not the process around it."""
    name = type(error).__name__
    return RpcError(Code.INTERNAL, f"the handler of {title} raised {name}: {error}", {"type": name, "method": title})


class _Timer:
    """Cancels the current task at a deadline, and tells that cancellation from others, as `asyncio.timeout` does."""

    def __init__(self, deadline: float | None) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call must be awaited in a task of asyncio")
        self.task = task
        self._cancelling = task.cancelling()
        self._handle: asyncio.TimerHandle | None = None
        self._fired = False
        if deadline is not None:
            left = max(0.0, deadline - time.monotonic())
            self._handle = asyncio.get_running_loop().call_later(left, self._fire)

    def __enter__(self) -> _Timer:
        return self

    def _fire(self) -> None:
        self._fired = True
        self.task.cancel()

    def cancelled(self, thrown: BaseException | None) -> bool:
        """Whether what was thrown cancels the call: not so where a timeout of the handler's own took it back."""
        return isinstance(thrown, asyncio.CancelledError) and self.task.cancelling() > self._cancelling

    def expired(self) -> bool:
        """Whether the cancellation was this timer's alone."""
        return self._fired and self.task.uncancel() <= self._cancelling

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.cancel()


def _log_failure(error: Exception) -> None:
    if not isinstance(error, StopAsyncIteration):
        _logger.warning("a handler failed while it was being cancelled", exc_info=error)


def _leave_behind(steps: Steps, waiting: Any) -> None:
    """Let a handler that goes on after it was cancelled do so in a task of its own."""
    task = asyncio.get_running_loop().create_task(_finish(steps, waiting))
    _abandoned.add(task)
    task.add_done_callback(_abandoned.discard)


async def _finish(steps: Steps, waiting: Any) -> None:
    try:
        await _rest(steps, waiting)
    except (StopAsyncIteration, asyncio.CancelledError):
        return
    except Exception:
        _logger.warning("a handler failed after it was cancelled", exc_info=True)


@types.coroutine
def _rest(steps: Steps, waiting: Any) -> Generator[Any, None, None]:
    """Drive a handler to its end; one that withstands a second cancellation is closed."""
    while True:
        failure: BaseException | None = None
        try:
            yield waiting
        except (GeneratorExit, asyncio.CancelledError):
            steps.close()
            raise
        except BaseException as error:
            failure = error
        try:
            waiting = steps.send(None) if failure is None else steps.throw(failure)
        except StopIteration:
            return

"""Trying again what failed in a way that another attempt may mend."""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ParamSpec, TypeVar, overload

from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.config import RetryConfig
from oiafed_rpc.config.reliability import Strategy
from oiafed_rpc.context import CURRENT
from oiafed_rpc.errors import Code, ConfigError, MaxRetriesExceeded, RetriableError
from oiafed_rpc.log import logger
from oiafed_rpc.spreading import uniform

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after which pauses, a failed call is tried again.

    Only a `RetriableError` is. Each pause is drawn at random between 0 and a bound that grows from attempt to attempt
    ("full jitter"), so that many callers who failed together do not come back together
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Attributes:
        max_attempts: How often to try in all, 1 to 1,000; 1 never tries again.
        backoff_strategy: How the bounds grow: `exponential` doubles them, `linear` adds `initial_delay` each time,
            `constant` keeps them.
        initial_delay: Seconds of the first bound; not above `max_delay`.
        max_delay: Seconds that no bound exceeds.
        total_timeout: Seconds that all attempts and pauses may take together; an attempt still under way then is
            cancelled. None for no limit.
        clock: What the time is told by.
        random: Gives numbers from 0 up to 1, for the pauses.

    Raises:
        ValueError: from the constructor, naming the parameter that is wrong.
    """

    max_attempts: int = 3
    backoff_strategy: Strategy = "exponential"
    initial_delay: float = 1.0
    max_delay: float = 30.0
    _: KW_ONLY
    total_timeout: float | None = None
    clock: Clock = field(default=SYSTEM_CLOCK, repr=False)
    random: Callable[[], float] = field(default=uniform, repr=False)

    def __post_init__(self) -> None:
        """Check it by the rules of the configuration."""
        try:
            RetryConfig(
                max_attempts=self.max_attempts,
                backoff_strategy=self.backoff_strategy,
                initial_delay=self.initial_delay,
                max_delay=self.max_delay,
                total_timeout=self.total_timeout,
            )
        except ConfigError as error:
            raise ValueError(error.message) from None

    @classmethod
    def from_config(cls, config: RetryConfig, clock: Clock = SYSTEM_CLOCK) -> RetryPolicy:
        """The policy that a configuration describes."""
        return cls(
            config.max_attempts,
            config.backoff_strategy,
            config.initial_delay,
            config.max_delay,
            total_timeout=config.total_timeout,
            clock=clock,
        )

    def delay(self, attempt: int) -> float:
        """The bound, in seconds, of the pause after an attempt that failed; attempts count from 1.

        Raises:
            ValueError: There is no such attempt.
        """
        if attempt < 1:
            raise ValueError(f"attempt must be 1 or more, not {attempt}")
        if self.backoff_strategy == "exponential":
            bound = self.initial_delay * 2.0 ** min(attempt - 1, 1000)  # 2.0 ** 1024 is an OverflowError
        elif self.backoff_strategy == "linear":
            bound = self.initial_delay * attempt
        else:
            bound = self.initial_delay
        return min(bound, self.max_delay)

    @overload
    async def execute(self, func: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    @overload
    async def execute(self, func: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T: ...
    async def execute(self, func: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Call a function until it succeeds, as the policy allows.

        No pause goes past the deadline of the call that the running handler answers: where one would, it gives up.

        Args:
            func: A coroutine function, or an ordinary one; that runs on the event loop, so it should not block.
            args: What it is called with.
            kwargs: What it is called with, by name.

        Raises:
            MaxRetriesExceeded: Attempts or time are used up. Its code is that of the last failure, which is its cause.
            RetriableError: The only attempt failed, where `max_attempts` is 1.
            Exception: whatever else the function raises, at once.
        """
        title = getattr(func, "__qualname__", type(func).__qualname__)
        return await self.run(functools.partial(func, *args, **kwargs), title=title)

    async def run(
        self, attempt: Callable[[], Any], *, title: str, deadline: Callable[[], float | None] = lambda: None
    ) -> Any:
        """The same as `execute`, for callers that know more.

        Args:
            attempt: Makes an attempt.
            title: What is tried, for the log.
            deadline: Tells when it must have succeeded, on the policy's clock, in seconds; None for no limit. It is
                asked after each attempt, for a deadline may move.

        Raises:
            MaxRetriesExceeded: as `execute` does, and so do others.
        """
        end = self.clock.time() + (math.inf if self.total_timeout is None else self.total_timeout)
        latest = min(end, _deadline_of_the_current_call())
        number = 0
        while True:
            number += 1
            try:
                return await self._attempt(attempt, end)
            except RetriableError as failure:
                pause = self._pause(number, failure)
                if self.max_attempts == 1:
                    raise
                if number >= self.max_attempts:
                    raise _exceeded(number, failure) from failure
                if self.clock.time() + pause >= min(latest, _or_never(deadline())):
                    raise _exceeded(number, failure, ", and no time is left for another") from failure
                told = f"attempt {number} of {self.max_attempts}"
                logger.info("%s of %s failed, the next follows in %.3g s: %s", told, title, pause, failure)
            await self.clock.sleep(pause)

    def _pause(self, attempt: int, failure: RetriableError) -> float:
        """Seconds to wait after an attempt: at random, but no less than the failure asks for."""
        asked = failure.retry_after
        return max(self.random() * self.delay(attempt), 0.0 if asked is None or not 0 < asked < math.inf else asked)

    async def _attempt(self, attempt: Callable[[], Any], end: float) -> Any:
        result = attempt()
        if not inspect.isawaitable(result):
            return result
        return await (result if end == math.inf else self._within(result, end - self.clock.time()))

    async def _within(self, awaitable: Awaitable[Any], seconds: float) -> Any:
        """Await something, cancelling it when the time is over. `asyncio.timeout` knows no other clock."""
        work = asyncio.ensure_future(awaitable)
        timer = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait((work, timer), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
        finally:
            work.cancel()
            timer.cancel()
            await asyncio.gather(work, timer, return_exceptions=True)
        raise RetriableError(
            f"it did not end within the total_timeout of {self.total_timeout:g} s", code=Code.DEADLINE_EXCEEDED
        )


def _or_never(deadline: float | None) -> float:
    return math.inf if deadline is None else deadline


def _deadline_of_the_current_call() -> float:
    call = CURRENT.get()
    return _or_never(call.deadline if call else None)


def _exceeded(attempts: int, failure: RetriableError, why: str = "") -> MaxRetriesExceeded:
    told = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    message = f"{told} failed{why}, the last one: {failure.message}"
    return MaxRetriesExceeded(failure.code, message, attempts, failure.details)

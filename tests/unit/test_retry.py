"""Trying again: what is, how often, after which pauses, and by when. No test waits for real."""

from __future__ import annotations

import asyncio
import copy
import logging
import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import Code, MaxRetriesExceeded, Message, OutcomeUnknown, RetriableError, RetryPolicy, RpcError
from oiafed_rpc.clock import SYSTEM_CLOCK
from oiafed_rpc.config import RetryConfig
from oiafed_rpc.context import CURRENT
from oiafed_rpc.testing import ManualClock


class Attempts:
    """A function that fails with these errors in turn, then succeeds; it notes when it was called."""

    def __init__(self, clock: ManualClock, *failures: BaseException, takes: float = 0.0) -> None:
        self.clock = clock
        self.failures = list(failures)
        self.takes = takes
        self.times: list[float] = []

    async def __call__(self, result: str = "done") -> str:
        self.times.append(self.clock.time())
        await self.clock.sleep(self.takes)
        if self.failures:
            raise self.failures.pop(0)
        return result


def failing(count: int, **keys: Any) -> list[RetriableError]:
    return [RetriableError(f"failure {number}", **keys) for number in range(1, count + 1)]


def policy(clock: ManualClock, *args: Any, random: Callable[[], float] = lambda: 1.0, **kwargs: Any) -> RetryPolicy:
    """A policy whose pauses are as long as they may be."""
    return RetryPolicy(*args, clock=clock, random=random, **kwargs)


async def run(clock: ManualClock, of: RetryPolicy, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of `execute`, while the clock runs as fast as it can."""
    task = asyncio.ensure_future(of.execute(func, *args, **kwargs))
    while not task.done():
        await clock.advance(0.125)
    return await task


async def test_the_result_of_the_first_success_is_returned() -> None:
    clock = ManualClock(0)
    attempts = Attempts(clock, *failing(2))
    assert await run(clock, policy(clock), attempts, result="done") == "done"
    assert attempts.times == [0, 1, 3]


async def test_the_last_failure_is_the_cause() -> None:
    clock = ManualClock(0)
    failures = failing(3, code=Code.RESOURCE_EXHAUSTED, details={"node": "learner_0"})
    with pytest.raises(MaxRetriesExceeded) as caught:
        await run(clock, policy(clock), Attempts(clock, *failures))
    error = caught.value
    assert error.__cause__ is failures[2]
    assert str(error) == "RESOURCE_EXHAUSTED: 3 attempts failed, the last one: failure 3"
    assert (error.attempts, error.details) == (3, {"node": "learner_0"})


@pytest.mark.parametrize(
    "error", [RpcError(Code.UNAVAILABLE, "no"), OutcomeUnknown("lost"), ValueError("no"), asyncio.CancelledError()]
)
async def test_everything_else_passes_at_once(error: BaseException) -> None:
    clock = ManualClock(0)
    attempts = Attempts(clock, error)
    with pytest.raises(type(error)) as caught:
        await policy(clock).execute(attempts)
    assert caught.value is error
    assert len(attempts.times) == 1


async def test_a_single_attempt_fails_as_itself() -> None:
    clock = ManualClock(0)
    (failure,) = failing(1)
    with pytest.raises(RetriableError) as caught:
        await policy(clock, 1).execute(Attempts(clock, failure))
    assert caught.value is failure


async def test_an_ordinary_function_may_be_tried() -> None:
    clock = ManualClock(0)
    failures = failing(1)

    def attempt(a: int, *, b: int) -> int:
        if failures:
            raise failures.pop()
        return a + b

    assert await run(clock, policy(clock), attempt, 1, b=2) == 3


@pytest.mark.parametrize(
    ("strategy", "bounds"),
    [("exponential", [1, 2, 4, 8, 10, 10]), ("linear", [1, 2, 3, 4, 5, 6]), ("constant", [1, 1, 1, 1, 1, 1])],
)
async def test_the_strategy_grows_the_pauses(strategy: Any, bounds: list[float]) -> None:
    clock = ManualClock(0)
    of = policy(clock, 7, strategy, 1.0, 10.0)
    assert [of.delay(attempt) for attempt in range(1, 7)] == bounds
    attempts = Attempts(clock, *failing(6))
    await run(clock, of, attempts)
    assert [later - sooner for sooner, later in zip(attempts.times, attempts.times[1:], strict=False)] == bounds


@given(
    strategy=st.sampled_from(["exponential", "linear", "constant"]),
    initial=st.floats(0, 1e8),
    longest=st.floats(0, 1e8),
    attempt=st.integers(1, 10_000),
)
def test_bounds_grow_up_to_the_longest(strategy: Any, initial: float, longest: float, attempt: int) -> None:
    initial, longest = sorted((initial, longest))
    of = RetryPolicy(1000, strategy, initial, longest)
    assert initial <= of.delay(attempt) <= of.delay(attempt + 1) <= longest
    assert of.delay(1) == initial


@given(st.floats(0, 1, exclude_max=True))
def test_pauses_are_drawn_between_nothing_and_their_bound(drawn: float) -> None:
    async def pause() -> float:
        clock = ManualClock(0)
        attempts = Attempts(clock, *failing(1))
        task = asyncio.ensure_future(policy(clock, 2, initial_delay=4, random=lambda: drawn).execute(attempts))
        await clock.advance(4)
        await task
        return attempts.times[1]

    assert asyncio.run(pause()) == 4 * drawn


def test_pauses_are_random_by_default() -> None:
    drawn = {RetryPolicy().random() for _ in range(100)}
    assert len(drawn) > 50
    assert all(0 <= number < 1 for number in drawn)


@pytest.mark.parametrize(
    ("asked", "pause"), [(5.0, 5.0), (0.5, 1.0), (60.0, 60.0), (-1, 1), (math.nan, 1), (math.inf, 1)]
)
async def test_a_failure_may_ask_for_a_longer_pause(asked: float, pause: float) -> None:
    clock = ManualClock(0)
    attempts = Attempts(clock, *failing(1, retry_after=asked))
    await run(clock, policy(clock), attempts)
    assert attempts.times == [0, pause]


async def test_no_pause_goes_past_the_total_timeout() -> None:
    clock = ManualClock(0)
    attempts = Attempts(clock, *failing(9))
    with pytest.raises(MaxRetriesExceeded, match="3 attempts failed, and no time is left for another, the last one: f"):
        await run(clock, policy(clock, 9, total_timeout=7), attempts)
    assert attempts.times == [0, 1, 3]
    assert clock.time() <= 3.125


async def test_an_attempt_under_way_is_ended_by_the_total_timeout() -> None:
    clock = ManualClock(0)
    attempts = Attempts(clock, *failing(1), takes=2)
    with pytest.raises(MaxRetriesExceeded) as caught:
        await run(clock, policy(clock, total_timeout=4), attempts)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert "the last one: it did not end within the total_timeout of 4 s" in str(caught.value)
    assert attempts.times == [0, 3]
    assert clock.sleeping == 0


async def test_an_attempt_within_the_total_timeout_counts() -> None:
    clock = ManualClock(0)
    assert await run(clock, policy(clock, total_timeout=10), Attempts(clock, *failing(1), takes=2)) == "done"
    with pytest.raises(ValueError, match="no"):
        await run(clock, policy(clock, total_timeout=10), Attempts(clock, ValueError("no"), takes=2))
    assert clock.sleeping == 0


async def test_no_pause_goes_past_the_deadline_of_the_current_call() -> None:
    clock = ManualClock(100)
    attempts = Attempts(clock, *failing(9))
    token = CURRENT.set(Message("fit", "a", "b", None, deadline=102.5))
    try:
        with pytest.raises(MaxRetriesExceeded, match="2 attempts failed, and no time is left"):
            await run(clock, policy(clock, 9), attempts)
    finally:
        CURRENT.reset(token)
    assert attempts.times == [100, 101]


async def test_a_deadline_may_be_given() -> None:
    clock = ManualClock(100)
    attempts = Attempts(clock, *failing(9))
    with pytest.raises(MaxRetriesExceeded, match="1 attempt failed, and no time is left for another, the last one: f"):
        await policy(clock, 9).run(attempts, title="fit", deadline=lambda: 101.0)
    assert attempts.times == [100]


@pytest.mark.parametrize("total_timeout", [None, 60])
async def test_it_can_be_cancelled(total_timeout: float | None) -> None:
    clock = ManualClock(0)
    for attempts in (Attempts(clock, takes=50), Attempts(clock, *failing(1))):
        task = asyncio.ensure_future(policy(clock, total_timeout=total_timeout).execute(attempts))
        await clock.until_sleeping()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert clock.sleeping == 0
        assert len(attempts.times) == 1


async def test_each_new_attempt_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(0)

    async def fit() -> None:
        raise RetriableError("busy")

    with caplog.at_level(logging.INFO, "oiafed_rpc"), pytest.raises(MaxRetriesExceeded):
        await run(clock, policy(clock, 3, initial_delay=0.5), fit)
    where = "test_each_new_attempt_is_logged.<locals>.fit"
    assert [record.getMessage() for record in caplog.records] == [
        f"attempt 1 of 3 of {where} failed, the next follows in 0.5 s: UNAVAILABLE: busy",
        f"attempt 2 of 3 of {where} failed, the next follows in 1 s: UNAVAILABLE: busy",
    ]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"max_attempts": 0}, "max_attempts: must be a whole number from 1 to 1,000, not 0"),
        ({"max_attempts": 2.5}, "max_attempts: must be"),
        ({"max_attempts": None}, "max_attempts: must be"),
        ({"backoff_strategy": "linaer"}, r"backoff_strategy: must be .* \(did you mean 'linear'\?\)"),
        ({"initial_delay": -1}, "initial_delay: must be a number of seconds from 0"),
        ({"initial_delay": 31}, "initial_delay: must not exceed max_delay, which is 30"),
        ({"max_delay": math.nan}, "max_delay: must be"),
        ({"total_timeout": 0}, "total_timeout: must be a number of seconds above 0"),
    ],
)
def test_a_wrong_parameter_is_named(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        RetryPolicy(**keys)


def test_there_is_no_attempt_zero() -> None:
    with pytest.raises(ValueError, match="attempt must be 1 or more, not 0"):
        RetryPolicy().delay(0)


def test_it_is_a_value() -> None:
    of = RetryPolicy(5, "linear", 0.5, 8, total_timeout=60)
    assert (
        RetryPolicy.from_config(
            RetryConfig(max_attempts=5, backoff_strategy="linear", initial_delay=0.5, max_delay=8, total_timeout=60)
        )
        == of
    )
    assert RetryPolicy.from_config(RetryConfig()) == RetryPolicy()
    assert pickle.loads(pickle.dumps(of)) == copy.deepcopy(of) == of
    assert pickle.loads(pickle.dumps(of)).clock is SYSTEM_CLOCK
    with pytest.raises(AttributeError):
        of.max_attempts = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "error",
    [
        RetriableError("busy", {"node": "a"}, code=Code.ABORTED, retry_after=2.5),
        MaxRetriesExceeded(Code.ABORTED, "3 attempts failed", 3, {"node": "a"}),
        OutcomeUnknown("lost", {"node": "a"}),
    ],
)
def test_the_errors_can_be_copied_and_sent_to_another_process(error: RpcError) -> None:
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is type(error)
        assert (str(again), again.__dict__) == (str(error), error.__dict__)


async def test_the_system_clock_is_that_of_deadlines() -> None:
    import time

    before = time.monotonic()
    await SYSTEM_CLOCK.sleep(0)
    assert before <= SYSTEM_CLOCK.time() <= time.monotonic()

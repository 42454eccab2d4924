"""The clock that tests control."""

from __future__ import annotations

import asyncio
import time

import pytest
from oiafed_rpc.testing import ManualClock


async def test_sleepers_wake_in_order_each_at_its_time() -> None:
    clock = ManualClock(0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for seconds in naps:
            await clock.sleep(seconds)
            woken.append((name, clock.time()))

    async with asyncio.TaskGroup() as group:
        for name, naps in (("a", (3, 3)), ("b", (1, 1, 1)), ("c", (3,))):
            group.create_task(sleeper(name, *naps))
        await clock.until_sleeping(3)
        await clock.advance(0.5)
        assert (woken, clock.sleeping, clock.time()) == ([], 3, 0.5)
        await clock.advance(6)
    assert woken == [("b", 1), ("b", 2), ("a", 3), ("c", 3), ("b", 3), ("a", 6)]
    assert (clock.sleeping, clock.time()) == (0, 6.5)


async def test_tasks_run_until_they_wait_before_time_goes_on() -> None:
    clock = ManualClock(0)
    seen: list[float] = []

    async def chain(depth: int) -> None:
        if depth:
            await asyncio.ensure_future(chain(depth - 1))

    async def worker() -> None:
        while True:
            await clock.sleep(1)
            await chain(20)
            seen.append(clock.time())

    task = asyncio.ensure_future(worker())
    await clock.advance(3)  # nobody has to wait for the task to begin
    assert seen == [1, 2, 3]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleeping == 0


async def test_a_cancelled_sleeper_is_gone_and_the_others_stay() -> None:
    clock = ManualClock(0)
    tasks = [asyncio.ensure_future(clock.sleep(seconds)) for seconds in (3, 1, 2)]
    await clock.until_sleeping(3)
    tasks[1].cancel()
    await asyncio.wait([tasks[1]])
    assert clock.sleeping == 2
    await clock.advance(2)
    assert (tasks[0].done(), tasks[2].done()) == (False, True)
    await clock.advance(1)
    await tasks[0]


async def test_sleeping_for_nothing_gives_others_their_turn() -> None:
    clock = ManualClock()
    ran = asyncio.ensure_future(asyncio.sleep(0, "ran"))
    await clock.sleep(0)
    await clock.sleep(-1)
    assert await ran == "ran"
    assert clock.sleeping == 0


async def test_it_starts_at_the_time_of_deadlines() -> None:
    before = time.monotonic()
    assert before <= ManualClock().time() <= time.monotonic()


async def test_what_cannot_be_is_told() -> None:
    clock = ManualClock()
    with pytest.raises(ValueError, match="seconds must not be negative: -1"):
        await clock.advance(-1)
    with pytest.raises(TimeoutError, match=r"0 of 1 tasks sleep on the clock after 0\.01 s"):
        await clock.until_sleeping(1, timeout=0.01)

"""How many calls are answered at a time: the gates alone, and threads that go on after their call."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import Code, LimitsConfig, MemoryNetwork, MemoryTransport, MethodLimitConfig, Node, RetriableError
from oiafed_rpc.limits import Gate, Limits
from oiafed_rpc.testing import ManualClock


def gate(calls: int = 1, queue: int = 1, outer: Gate | None = None, clock: ManualClock | None = None) -> Gate:
    return Gate("node 'a' answers calls", "calls", calls, queue, outer, clock or ManualClock(0))


async def waiting(behind: Gate) -> asyncio.Task[None]:
    """Somebody in the line."""
    task = asyncio.create_task(behind.wait())
    await asyncio.sleep(0)
    return task


async def test_places_are_handed_over_in_the_order_of_the_line() -> None:
    one = gate(queue=3)
    assert one.enter()
    assert not one.enter()
    line = [await waiting(one) for _ in range(3)]
    assert (one.running, one.waiting) == (1, 3)
    with pytest.raises(
        RetriableError, match=r"1 at a time, and 3 wait \(limits.calls\); come back in 0.1\d* s"
    ) as full:
        await one.wait()
    assert (full.value.code, full.value.ran) == (Code.RESOURCE_EXHAUSTED, False)
    for index, each in enumerate(line):
        one.leave()
        await asyncio.sleep(0)
        assert [task.done() for task in line] == [True] * (index + 1) + [False] * (2 - index)
        await each
    one.leave()
    assert (one.running, one.waiting) == (0, 0)


@pytest.mark.parametrize("late", [False, True], ids=["waiting", "as its turn has come"])
async def test_who_is_cancelled_leaves_the_line(late: bool) -> None:
    one = gate(queue=2)
    one.enter()
    leaver, stayer = await waiting(one), await waiting(one)
    if late:
        one.leave()
    leaver.cancel()
    await asyncio.wait([leaver])
    if not late:
        assert (leaver.cancelled(), one.waiting) == (True, 1)
        one.leave()
    await stayer
    one.leave()
    assert (one.running, one.waiting) == (0, 0)


async def test_a_place_behind_both_gates_is_given_back_to_both() -> None:
    outer = gate(calls=2)
    inner = gate(calls=1, outer=outer)
    assert inner.enter()
    assert outer.enter()
    assert not inner.enter()
    second = await waiting(inner)
    inner.leave()
    await second
    assert (inner.running, outer.running) == (1, 2)
    third = await waiting(inner)
    inner.leave()
    outer.leave()
    await third
    inner.leave()
    assert (inner.running, outer.running) == (0, 0)


async def test_who_is_refused_by_the_outer_gate_holds_nothing_of_the_inner_one() -> None:
    outer = gate(calls=1, queue=0)
    inner = gate(calls=2, outer=outer)
    assert outer.enter()
    with pytest.raises(RetriableError):
        await inner.wait()
    assert (inner.running, outer.running) == (0, 1)


async def test_the_hint_follows_how_fast_places_come_free() -> None:
    clock = ManualClock(0)
    one = gate(calls=1, queue=2, clock=clock)
    one.enter()
    await waiting(one)
    for _ in range(4):
        await clock.advance(2)
        await waiting(one)
        one.leave()
        await asyncio.sleep(0)
    last = await waiting(one)
    with pytest.raises(RetriableError) as full:
        await one.wait()
    assert 6 <= (full.value.retry_after or 0) <= 9  # three in line, 2 s each, and half of that at most to spread them
    last.cancel()
    one.refuse(lambda: RetriableError("stopped"))
    await asyncio.gather(last, return_exceptions=True)


async def test_the_log_tells_of_refusals_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(100)
    one = gate(calls=1, queue=0, clock=clock)
    one.enter()
    with caplog.at_level(logging.WARNING, "oiafed_rpc"):
        for pause in (1, 58, 2, 1):
            with pytest.raises(RetriableError):
                await one.wait()
            await clock.advance(pause)
    assert caplog.text.count("further calls are refused") == 2


@given(
    calls=st.integers(1, 3), queue=st.integers(0, 3), steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)))
)
def test_whatever_happens_no_place_is_lost(calls: int, queue: int, steps: list[tuple[int, int]]) -> None:
    async def run() -> None:
        outer = gate(calls=2, queue=2)
        one = gate(calls=calls, queue=queue, outer=outer)
        ends = list[asyncio.Event]()
        tasks = list[asyncio.Task[None]]()

        async def pass_through(end: asyncio.Event) -> None:
            if not one.enter():
                await one.wait()
            try:
                await end.wait()
            finally:
                one.leave()

        for what, which in steps:
            if what < 2 or not tasks:
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(pass_through(ends[-1])))
            elif what == 2:
                ends[which % len(ends)].set()
            else:
                tasks[which % len(tasks)].cancel()
            if which % 2:
                await asyncio.sleep(0)
            assert one.running <= calls
            assert outer.running <= 2
            assert one.waiting <= queue
        for end in ends:
            end.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(
            outcome is None or isinstance(outcome, RetriableError | asyncio.CancelledError) for outcome in outcomes
        )
        assert (one.running, one.waiting, outer.running, outer.waiting) == (0, 0, 0, 0)

    asyncio.run(run())


def test_a_method_without_a_limit_has_that_of_the_node() -> None:
    limits = Limits(LimitsConfig(queue=3, methods={"fit": MethodLimitConfig(calls=1)}), "a")
    assert limits.of("evaluate") is limits.of("predict") is not limits.of("fit")


async def test_a_thread_that_goes_on_keeps_the_place_of_its_call() -> None:
    network = MemoryNetwork()
    limits = LimitsConfig(methods={"fit": MethodLimitConfig(calls=1, queue=1)})
    async with (
        Node("learner", "learner", MemoryTransport(network), limits=limits) as learner,
        Node("trainer", "trainer", MemoryTransport(network)) as trainer,
    ):
        begun, release, at_once = threading.Semaphore(0), threading.Event(), list[int]()
        running = 0

        def fit() -> int:
            nonlocal running
            running += 1
            at_once.append(running)
            begun.release()
            release.wait(30)
            running -= 1
            return len(at_once)

        learner.register_handler("fit", fit)
        proxy = trainer.get_proxy("learner").with_options(retry=False)
        first = asyncio.create_task(proxy.call("fit"))
        assert await asyncio.to_thread(begun.acquire, timeout=5)
        first.cancel()
        await asyncio.wait([first])
        second = asyncio.create_task(proxy.call("fit"))
        await asyncio.sleep(0)
        with pytest.raises(RetriableError, match="calls of 'fit': 1 at a time, and 1 wait"):
            await proxy.call("fit")
        release.set()
        assert await second == 2
        assert at_once == [1, 1]


@pytest.mark.parametrize("name", ["fit", "fti"])
async def test_a_limit_of_no_method_is_told_of(name: str, caplog: pytest.LogCaptureFixture) -> None:
    limits = LimitsConfig(methods={name: MethodLimitConfig(calls=1)})
    node = Node("learner", "learner", MemoryTransport(MemoryNetwork()), limits=limits)
    node.register_handler("fit", lambda: 1)
    async with node:
        pass
    told = "node 'learner' has no handler of 'fti', which limits.methods has (did you mean 'fit'?)"
    assert (told in caplog.text) is (name == "fti")

"""A node that has enough to do refuses what is too much, says when to come back, and loses nothing of the rest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

import pytest

from oiafed_rpc import Code, LimitsConfig, MethodLimitConfig, Node, RetriableError, RetryPolicy
from oiafed_rpc.testing.clock import ManualClock
from oiafed_rpc.testing.conformance.checks import fails, leave
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, TYPED, call, last, proxy_of, register
from oiafed_rpc.testing.conformance.part import Part


class _Work:
    """What handlers are busy with, until a test says that it is done."""

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.done = asyncio.Event()
        self.runs = 0

    async def __call__(self) -> int:
        self.runs += 1
        self.begun.release()
        await self.done.wait()
        return self.runs

    async def running(self, calling: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A call whose handler runs."""
        task = asyncio.create_task(calling)
        await asyncio.wait_for(self.begun.acquire(), 5)
        return task


async def _line_of(learner: Node, waiting: int) -> None:
    """Wait until so many calls wait for their turn at a learner."""
    line = learner.transport.endpoint.limits.of("")
    async with asyncio.timeout(5):
        while line.waiting != waiting:
            await asyncio.sleep(0.002)


class Overload(Part):
    """A node that has enough to do refuses what is too much, says when to come back, and loses nothing of the rest."""

    @EVERY_KIND
    @TYPED
    async def test_calls_wait_for_their_turn_and_more_are_refused(
        self, federation: Federation, kind: str, typed: bool
    ) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1, queue=1))
        work = _Work()
        register(learner, work, typed=typed)
        proxy = proxy_of(trainer, "learner_0", typed=typed).with_options(retry=False, timeout=20)
        first = await work.running(call(proxy, kind))
        others = [asyncio.create_task(call(proxy, kind)) for _ in range(2)]
        done, waiting = await asyncio.wait(others, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting)) == (1, 1)
        refusal = await fails(done.pop(), Code.RESOURCE_EXHAUSTED, "'learner_0' answers calls: 1 at a time, and 1 wait")
        assert isinstance(refusal, RetriableError)
        assert refusal.ran is False
        assert 0 < (refusal.retry_after or 0) < 60
        work.done.set()
        assert {last(await first), last(await waiting.pop())} == {1, 2}

    @TYPED
    async def test_a_method_has_limits_of_its_own(self, federation: Federation, typed: bool) -> None:
        limits = LimitsConfig(methods={"add": MethodLimitConfig(calls=1, queue=0)})
        trainer, learner = await federation.pair(limits=limits)
        work = _Work()
        register(learner, work, typed=typed)
        proxy = proxy_of(trainer, "learner_0", typed=typed).with_options(retry=False, timeout=20)
        first = await work.running(call(proxy, "unary"))
        await fails(call(proxy, "unary"), Code.RESOURCE_EXHAUSTED, "calls of 'add'")
        beside = await work.running(call(proxy, "client"))
        work.done.set()
        assert await first == await beside == 2

    @pytest.mark.parametrize("why", ["cancelled", "deadline"])
    @EVERY_KIND
    async def test_who_gives_up_leaves_the_line(self, federation: Federation, kind: str, why: str) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1, queue=1))
        work = _Work()
        register(learner, work, typed=True)
        proxy = proxy_of(trainer, "learner_0", typed=True).with_options(retry=False, timeout=20)
        first = await work.running(call(proxy, kind))
        leaving = asyncio.create_task(call(proxy.with_options(timeout=20 if why == "cancelled" else 0.5), kind))
        await _line_of(learner, 1)
        if why == "cancelled":
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving
        else:
            await fails(leaving, Code.DEADLINE_EXCEEDED, within=1.5)
        await _line_of(learner, 0)
        second = asyncio.create_task(call(proxy, kind))
        await _line_of(learner, 1)
        work.done.set()
        assert {last(await first), last(await second)} == {1, 2}
        assert work.runs == 2

    async def test_a_stream_that_is_left_gives_its_place_back(self, federation: Federation) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1))
        work = _Work()
        register(learner, work, typed=False)
        proxy = trainer.get_proxy("learner_0").with_options(retry=False, timeout=20)
        items = proxy.stream("count", start=1, stop=3)
        assert await anext(items) == 1
        await leave(items)
        work.done.set()
        assert last(await call(proxy, "unary")) > 0

    async def test_the_retry_policy_comes_back_when_it_is_told(self, federation: Federation) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1, queue=0))
        work, clock = _Work(), ManualClock()
        register(learner, work, typed=True)
        policy = RetryPolicy(max_attempts=2, initial_delay=0, clock=clock)
        proxy = proxy_of(trainer, "learner_0", typed=True).with_options(retry=policy, timeout=100, idempotent=False)
        first = await work.running(call(proxy, "unary"))
        second = asyncio.create_task(call(proxy, "unary"))
        await asyncio.wait_for(clock.until_sleeping(), 5)
        work.done.set()
        assert await first == 1
        await clock.advance(0.09)
        assert not second.done()
        await clock.advance(50)
        assert await asyncio.wait_for(second, 5) == 2

    async def test_nodes_stay_in_touch_all_the_same(self, federation: Federation) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1, queue=0))
        work = _Work()
        register(learner, work, typed=True)
        proxy = proxy_of(trainer, "learner_0", typed=True)
        first = await work.running(call(proxy, "unary"))
        assert (await trainer.connect(federation.address(learner))).node_id == "learner_0"
        work.done.set()
        assert await first == 1

    async def test_who_waits_is_sent_away_when_the_node_stops(self, federation: Federation) -> None:
        trainer, learner = await federation.pair(limits=LimitsConfig(calls=1, queue=1))
        work = _Work()
        register(learner, work, typed=True)
        proxy = proxy_of(trainer, "learner_0", typed=True).with_options(retry=False, timeout=20)
        first = await work.running(call(proxy, "unary"))
        others = [asyncio.create_task(call(proxy, "unary")) for _ in range(2)]
        done, waiting = await asyncio.wait(others, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        await fails(done.pop(), Code.RESOURCE_EXHAUSTED)
        stopping = asyncio.create_task(learner.stop(5))
        refusal = await fails(waiting.pop(), Code.UNAVAILABLE, "is stopping")
        assert isinstance(refusal, RetriableError)
        assert refusal.ran is False
        work.done.set()
        assert await first == 1
        await stopping

"""Deadlines and cancellation travel: A calls B, B calls C."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from oiafed_rpc import Code, current_call
from oiafed_rpc.testing.conformance.checks import fails
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, call, last, proxy_of, register
from oiafed_rpc.testing.conformance.part import Part


class NestedCalls(Part):
    """Deadlines and cancellation travel: A calls B, B calls C."""

    @pytest.mark.parametrize("why", ["cancelled", "deadline"])
    @EVERY_KIND
    async def test_who_gives_up_cancels_them_all(self, federation: Federation, kind: str, why: str) -> None:
        trainer, learner = await federation.pair()
        other = await federation.start("other")
        await federation.connect(learner, other)
        begun, ended = asyncio.Event(), asyncio.Event()

        async def innermost() -> object:
            begun.set()
            try:
                return await asyncio.get_running_loop().create_future()
            finally:
                ended.set()

        register(other, innermost, typed=True)
        register(learner, lambda: call(proxy_of(learner, "other", typed=True), kind), typed=True)
        proxy = proxy_of(trainer, "learner_0", typed=True)
        if why == "cancelled":
            calling = asyncio.create_task(call(proxy.with_options(timeout=30), kind))
            await asyncio.wait_for(begun.wait(), 5)
            calling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await calling
        else:
            timeout = 0.3
            while not begun.is_set():  # on a machine that has other work, a short one may end before it is there
                await fails(call(proxy.with_options(timeout=timeout), kind), Code.DEADLINE_EXCEEDED, within=timeout + 1)
                timeout *= 3
        await asyncio.wait_for(ended.wait(), 1)

    @EVERY_KIND
    async def test_the_innermost_deadline_is_no_later_than_the_outermost(
        self, federation: Federation, kind: str
    ) -> None:
        trainer, learner = await federation.pair()
        other = await federation.start("other")
        await federation.connect(learner, other)
        deadlines: list[float] = []

        async def innermost() -> int:
            deadlines.append(current_call().deadline or 0.0)
            return 1

        async def between() -> int:
            number: int = last(await call(proxy_of(learner, "other", typed=True).with_options(timeout=500), kind))
            return number

        register(other, innermost, typed=True)
        register(learner, between, typed=True)
        latest = time.monotonic() + 20
        assert last(await call(proxy_of(trainer, "learner_0", typed=True).with_options(timeout=20), kind)) == 1
        assert deadlines[0] <= latest + 1  # what a transport rounds a timeout up by, and the time to get there

"""Every call ends in time, and its handler with it; nothing hangs."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from oiafed_rpc import Code, RpcError
from oiafed_rpc.testing.conformance.checks import DEADLINE, drain, fails, leave
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.part import Part


async def _stubborn(started: asyncio.Event, release: asyncio.Event) -> None:
    """Never returns of its own accord, however often it is cancelled."""
    started.set()
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            continue


class Endings(Part):
    """Every call ends in time, and its handler with it; nothing hangs."""

    @pytest.mark.parametrize("stubborn", [False, True])
    async def test_a_handler_that_never_returns_ends_by_the_deadline(
        self, federation: Federation, stubborn: bool
    ) -> None:
        trainer, learner = await federation.pair()
        cancelled, release = asyncio.Event(), asyncio.Event()

        async def never(a: int = 0, b: int = 0) -> None:
            if stubborn:
                await _stubborn(asyncio.Event(), release)
                return
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        learner.register_handler("never", never)
        call = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).call("never")
        await fails(call, Code.DEADLINE_EXCEEDED, "never", within=DEADLINE + 1)
        if not stubborn:
            await asyncio.wait_for(cancelled.wait(), 1)
        release.set()
        await asyncio.sleep(0)

    async def test_a_function_that_never_returns_ends_by_the_deadline(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        release = threading.Event()
        learner.register_handler("never", lambda a=0, b=0: release.wait(30))
        try:
            call = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).call("never")
            await fails(call, Code.DEADLINE_EXCEEDED, within=DEADLINE + 1)
        finally:
            release.set()

    @pytest.mark.parametrize("after", [0, 2])
    async def test_a_stream_that_stalls_ends_by_the_deadline(self, federation: Federation, after: int) -> None:
        trainer, learner = await federation.pair()
        ended = asyncio.Event()

        async def stall(a: int = 0, b: int = 0) -> AsyncIterator[int]:
            try:
                for number in range(after):
                    yield number
                await asyncio.Event().wait()
            finally:
                ended.set()

        learner.register_handler("stall", stall)
        items = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).stream("stall")
        came: list[object] = []
        with pytest.raises(RpcError) as failure:
            async for item in items:
                came.append(item)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert came == list(range(after))
        await asyncio.wait_for(ended.wait(), 1)

    async def test_an_endless_stream_ends_by_the_deadline(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def endless(a: int = 0, b: int = 0) -> AsyncIterator[int]:
            while True:
                yield 1

        learner.register_handler("endless", endless)
        items = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).stream("endless")
        await fails(drain(items), Code.DEADLINE_EXCEEDED, within=DEADLINE + 1)

    async def test_leaving_a_stream_ends_its_handler(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        ended = asyncio.Event()

        async def endless(a: int = 0, b: int = 0) -> AsyncIterator[int]:
            try:
                while True:
                    yield 1
                    await asyncio.sleep(0)
            finally:
                ended.set()

        learner.register_handler("endless", endless)
        items = trainer.get_proxy("learner_0").stream("endless")
        assert await anext(items) == 1
        await leave(items)
        await asyncio.wait_for(ended.wait(), 1)

    async def test_a_cancelled_caller_cancels_the_handler(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def wait(a: int = 0, b: int = 0) -> None:
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        learner.register_handler("wait", wait)
        call = asyncio.create_task(trainer.get_proxy("learner_0").call("wait"))
        await asyncio.wait_for(started.wait(), 5)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(cancelled.wait(), 1)

    async def test_a_cancelled_caller_does_not_wait_for_a_stubborn_handler(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        started, release = asyncio.Event(), asyncio.Event()
        learner.register_handler("stubborn", lambda a=0, b=0: _stubborn(started, release))
        call = asyncio.create_task(trainer.get_proxy("learner_0").call("stubborn"))
        await asyncio.wait_for(started.wait(), 5)
        call.cancel()
        done, _ = await asyncio.wait([call], timeout=1)
        release.set()
        assert call in done
        assert call.cancelled()
        await asyncio.sleep(0)

    async def test_a_blocking_function_does_not_hold_up_others(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        release = threading.Event()
        learner.register_handler("block", lambda a=0, b=0: release.wait(30))
        learner.register_handler("ping", lambda a=0, b=0: "pong")
        proxy = trainer.get_proxy("learner_0")
        blocked = asyncio.create_task(proxy.call("block"))
        assert await asyncio.wait_for(proxy.call("ping"), 5) == "pong"
        assert not blocked.done()
        release.set()
        assert await blocked is True

    @pytest.mark.parametrize("slow", [True, False])
    async def test_leaving_a_stream_does_not_wait_for_a_slow_or_broken_end(
        self, federation: Federation, slow: bool
    ) -> None:
        trainer, learner = await federation.pair()

        async def ends_badly(a: int = 0, b: int = 0) -> AsyncIterator[int]:
            try:
                while True:
                    yield 1
                    await asyncio.sleep(0)
            finally:
                if slow:
                    await asyncio.sleep(30)
                raise ValueError("at the end")

        learner.register_handler("ends_badly", ends_badly)
        items = trainer.get_proxy("learner_0").stream("ends_badly")
        assert await anext(items) == 1
        began = time.monotonic()
        await leave(items)
        assert time.monotonic() - began < 2

    async def test_an_ordinary_generator_ends_in_a_thread(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        threads: list[int] = []

        def numbers(a: int = 0, b: int = 0) -> Iterator[int]:
            try:
                while True:
                    yield 1
            finally:
                threads.append(threading.get_ident())
                loop.call_soon_threadsafe(ended.set)

        learner.register_handler("numbers", numbers)
        items = trainer.get_proxy("learner_0").stream("numbers")
        assert await anext(items) == 1
        await leave(items)
        await asyncio.wait_for(ended.wait(), 5)
        assert threads != [threading.get_ident()]

"""Requests that are streams, and two-way streams."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from oiafed_rpc import Code, RpcError
from oiafed_rpc.testing.conformance.checks import leave
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs


async def _numbers(*numbers: int) -> AsyncIterator[int]:
    for number in numbers:
        await asyncio.sleep(0)
        yield number


async def _sum(numbers: AsyncIterator[int], start: int = 0) -> int:
    async for number in numbers:
        start += number
    return start


def _sum_in_thread(numbers: Iterator[int], start: int = 0) -> int:
    return start + sum(numbers)


async def _running(numbers: AsyncIterator[int], start: int = 0) -> AsyncIterator[int]:
    async for number in numbers:
        start += number
        yield start


def _running_in_thread(numbers: Iterator[int], start: int = 0) -> Iterator[int]:
    for number in numbers:
        start += number
        yield start


class Streams(Part):
    """Requests that are streams, and two-way streams."""

    @pytest.mark.parametrize("handler", [_sum, _sum_in_thread])
    async def test_a_stream_is_taken(self, federation: Federation, handler: Any) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("sum", handler)
        proxy = trainer.get_proxy("learner_0")
        assert await proxy.call("sum", numbers=_numbers(1, 2, 3)) == 6
        assert await proxy.call("sum", numbers=_numbers(), start=5) == 5
        assert await proxy.call("sum", numbers=iter([1, 2]), start=1) == 4
        assert await proxy.call("sum", numbers=(n for n in range(100))) == 4950

    @pytest.mark.parametrize("handler", [_running, _running_in_thread])
    async def test_streams_go_both_ways(self, federation: Federation, handler: Any) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("running", handler)
        items = trainer.get_proxy("learner_0").stream("running", numbers=_numbers(1, 2, 3), start=10)
        assert [item async for item in items] == [11, 13, 16]

    async def test_a_conversation_goes_step_by_step(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("running", _running)
        questions: asyncio.Queue[int] = asyncio.Queue()

        async def asked() -> AsyncIterator[int]:
            while True:
                yield await questions.get()

        items = trainer.get_proxy("learner_0").stream("running", numbers=asked())
        for number, total in ((1, 1), (5, 6), (7, 13)):
            questions.put_nowait(number)
            assert await asyncio.wait_for(anext(items), 5) == total
        await leave(items)

    async def test_a_handler_may_answer_before_the_stream_ends(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        ended = asyncio.Event()

        async def endless() -> AsyncIterator[int]:
            try:
                while True:
                    yield 1
                    await asyncio.sleep(0)
            finally:
                ended.set()

        async def first(numbers: AsyncIterator[int], other: int = 0) -> int:
            return await anext(numbers)

        learner.register_handler("first", first)
        assert await trainer.get_proxy("learner_0").call("first", numbers=endless()) == 1
        await asyncio.wait_for(ended.wait(), 5)

    async def test_what_the_callers_own_stream_raises_is_the_callers(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("sum", _sum)
        learner.register_handler("running", _running)

        async def breaks() -> AsyncIterator[int]:
            yield 1
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await trainer.get_proxy("learner_0").call("sum", numbers=breaks())
        with pytest.raises(KeyError, match="mine"):
            async for _ in trainer.get_proxy("learner_0").stream("running", numbers=breaks()):
                pass

    async def test_an_error_of_the_handler_ends_the_stream(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def fails(numbers: AsyncIterator[int], other: int = 0) -> int:
            await anext(numbers)
            raise ValueError("enough")

        async def endless() -> AsyncIterator[int]:
            while True:
                yield 1
                await asyncio.sleep(0)

        learner.register_handler("fails", fails)
        with pytest.raises(RpcError, match="ValueError: enough") as failure:
            await trainer.get_proxy("learner_0").call("fails", numbers=endless())
        assert failure.value.code is Code.INTERNAL

    @pytest.mark.parametrize("gives", [False, True])
    @pytest.mark.parametrize("side", ["caller", "handler"])
    async def test_a_stalled_stream_ends_by_the_deadline(self, federation: Federation, gives: bool, side: str) -> None:
        trainer, learner = await federation.pair()
        stop = asyncio.Event()

        async def stalls() -> AsyncIterator[int]:
            yield 1
            if side == "caller":
                await stop.wait()

        async def stuck(numbers: AsyncIterator[int], other: int = 0) -> int:
            async for _ in numbers:
                pass
            await stop.wait()
            return 0

        async def stuck_stream(numbers: AsyncIterator[int], other: int = 0) -> AsyncIterator[int]:
            async for number in numbers:
                yield number
            await stop.wait()

        learner.register_handler("stuck", stuck_stream if gives else stuck)
        proxy = trainer.get_proxy("learner_0").with_options(timeout=0.3)
        began = time.monotonic()
        with pytest.raises(RpcError) as failure:
            if gives:
                async for _ in proxy.stream("stuck", numbers=stalls()):
                    pass
            else:
                await proxy.call("stuck", numbers=stalls())
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 1.3

    async def test_a_thread_that_waits_for_items_is_woken_when_the_call_ends(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        outcome: list[BaseException] = []
        woken = threading.Event()

        def waits(numbers: Iterator[int], other: int = 0) -> int:
            try:
                return sum(numbers)
            except BaseException as error:
                outcome.append(error)
                raise
            finally:
                woken.set()

        async def stalls() -> AsyncIterator[int]:
            yield 1
            await asyncio.Event().wait()

        learner.register_handler("waits", waits)
        with pytest.raises(RpcError) as failure:
            await trainer.get_proxy("learner_0").with_options(timeout=0.3).call("waits", numbers=stalls())
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert await asyncio.to_thread(woken.wait, 5)
        assert isinstance(outcome[0], RpcError)
        assert outcome[0].code is Code.CANCELLED

    async def test_several_streams_and_unfit_ones_are_refused(self, federation: Federation) -> None:
        trainer, _ = await federation.pair()
        with pytest.raises(RpcError, match="a and b are streams: a call takes one") as failure:
            await trainer.get_proxy("learner_0").call("x", a=iter([1]), b=iter([2]))
        assert failure.value.code is Code.INVALID_ARGUMENT
        with pytest.raises(RpcError, match="has no method 'x'"):
            await trainer.get_proxy("learner_0").call("x", a=iter([1]))

    async def test_a_stream_may_be_the_only_parameter(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register(Painter())
        proxy = trainer.get_proxy("learner_0", stubs.PainterProxy)
        assert await proxy.average(numbers=[1.0, 2.0]) == 1.5
        points = [stubs.Point(x=float(x), y=0.0) for x in range(3)]
        assert [each async for each in proxy.paint(points=points)] == points

    @pytest.mark.parametrize("times", range(5))
    async def test_a_stream_that_its_caller_gives_up_does_not_seem_complete(
        self, federation: Federation, times: int
    ) -> None:
        trainer, learner = await federation.pair()
        complete: list[int] = []
        began, ended = threading.Event(), threading.Event()

        def store(numbers: Iterator[int], other: int = 0) -> None:
            try:
                first = next(numbers)
                began.set()
                complete.append(first + sum(numbers))
            finally:
                ended.set()

        async def gives_up() -> AsyncIterator[int]:
            yield 1
            await asyncio.Event().wait()

        learner.register_handler("store", store)
        call = asyncio.create_task(trainer.get_proxy("learner_0").call("store", numbers=gives_up()))
        assert await asyncio.to_thread(began.wait, 5)
        call.cancel()
        await asyncio.wait([call])
        assert await asyncio.to_thread(ended.wait, 5)
        assert complete == []

    async def test_the_handlers_error_outlives_a_request_that_is_still_being_written(
        self, federation: Federation
    ) -> None:
        trainer, learner = await federation.pair()
        learner.register(Painter())
        proxy = trainer.get_proxy("learner_0", stubs.PainterProxy)
        off = stubs.Point(x=-1.0, y=0.0)
        for number in range(200):  # gRPC mistook one in seventeen for an error of its own
            with pytest.raises(stubs.OutOfInk, match="off the edge"):
                async for _ in proxy.paint(points=[off] * (1 + number % 3)):
                    pass

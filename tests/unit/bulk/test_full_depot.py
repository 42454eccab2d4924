"""Large requests for which a node has no room: they wait for a while, and are told when to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
import pytest
from oiafed_rpc import Code, GrpcTransport, LimitsConfig, Node, RetriableError, RetryPolicy, RpcError
from oiafed_rpc.bulk import motion
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.testing import ManualClock

SIZE = 2 << 20
HELD = bytes(16)
LANES = [
    pytest.param(LanesConfig(socket=False, shared_memory=False), id="stream"),
    pytest.param(LanesConfig(socket=True, shared_memory=False), id="socket"),
    pytest.param(LanesConfig(socket=False, shared_memory=True), id="shared memory"),
]


def test_both_number_and_bytes_are_bounded_and_come_back() -> None:
    async def run() -> None:
        depot = Depot(100, 30.0, ManualClock(0), most=2, memory=50)
        depot.arrive(b"a" * 16, [40])
        with pytest.raises(RetriableError, match="no room for a transfer of 11 bytes now: 1 of 40 bytes") as full:
            depot.arrive(b"b" * 16, [11])
        assert (full.value.code, full.value.ran) == (Code.RESOURCE_EXHAUSTED, False)
        depot.arrive(b"b" * 16, [10])
        assert depot.arrive(b"a" * 16, [40]).size == 40  # which is there
        with pytest.raises(RetriableError, match="now: 2 of 50 bytes"):
            depot.arrive(b"c" * 16, [0])
        depot.drop(b"a" * 16)
        depot.drop(b"a" * 16)
        depot.arrive(b"c" * 16, [40])
        with pytest.raises(RpcError, match=r"51 bytes, more than 50, the receiver's limits.transfer_memory") as large:
            depot.arrive(b"d" * 16, [51])
        assert not isinstance(large.value, RetriableError)
        depot.clear()
        depot.arrive(b"e" * 16, [50])
        depot.clear()

    asyncio.run(run())


class Full:
    """A learner whose depot is full, a trainer, and what the trainer's large calls wait for."""

    def __init__(self, learner: Node, trainer: Node) -> None:
        self.learner = learner
        self.depot = cast("Depot", cast("Any", learner.transport)._bulk.depot)
        self.proxy = trainer.get_proxy("learner").with_options(retry=False, timeout=30)
        self.refused = asyncio.Event()
        self.depot.arrive(HELD, [SIZE])
        self._arrive = self.depot.arrive
        cast("Any", self.depot).arrive = self.arrive

    def arrive(self, transfer_id: bytes, sizes: Sequence[int]) -> Incoming:
        try:
            return self._arrive(transfer_id, sizes)
        except RetriableError:
            self.refused.set()
            raise


@asynccontextmanager
async def full(lanes: LanesConfig, limits: LimitsConfig) -> AsyncIterator[Full]:
    async with (
        Node("learner", "learner", GrpcTransport("127.0.0.1", 0, lanes=lanes), limits=limits) as learner,
        Node("trainer", "trainer", GrpcTransport(lanes=lanes)) as trainer,
    ):
        learner.register_handler("size", lambda weights: int(weights.nbytes), unpack=True)
        await trainer.connect(f"learner@127.0.0.1:{cast('Any', learner.transport).port}")
        yield Full(learner, trainer)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("limits", [LimitsConfig(transfers=1), LimitsConfig(transfer_memory=SIZE + 1)])
async def test_a_large_call_waits_for_room(lanes: LanesConfig, limits: LimitsConfig) -> None:
    async with full(lanes, limits) as it:
        calling = asyncio.create_task(it.proxy.call("size", weights=np.zeros(SIZE, np.uint8)))
        await asyncio.wait_for(it.refused.wait(), 10)
        it.depot.drop(HELD)
        assert await calling == SIZE


@pytest.mark.parametrize("lanes", LANES)
async def test_a_large_call_is_told_to_come_back(lanes: LanesConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_PATIENCE", 0.1)
    async with full(lanes, LimitsConfig(transfers=1)) as it:
        with pytest.raises(RetriableError, match="the receiver has no room for a transfer") as failed:
            await it.proxy.call("size", weights=np.zeros(SIZE, np.uint8))
        assert (failed.value.code, failed.value.ran) == (Code.RESOURCE_EXHAUSTED, False)
        assert (failed.value.retry_after or 0) > 0
        it.depot.drop(HELD)
        assert await it.proxy.call("size", weights=np.zeros(SIZE, np.uint8)) == SIZE


@pytest.mark.parametrize("lanes", LANES)
async def test_what_can_never_be_taken_is_refused_at_once(lanes: LanesConfig) -> None:
    async with full(lanes, LimitsConfig(transfer_memory=SIZE)) as it:
        with pytest.raises(RpcError, match=r"limits\.transfer_memory") as failed:
            await it.proxy.call("size", weights=np.zeros(SIZE + 1, np.uint8))
        assert failed.value.code is Code.RESOURCE_EXHAUSTED
        assert not isinstance(failed.value, RetriableError)


@pytest.mark.parametrize("lanes", LANES)
async def test_a_large_call_that_was_refused_can_be_made_again(lanes: LanesConfig) -> None:
    async with full(lanes, LimitsConfig(calls=1, queue=0)) as it:
        begun, done = asyncio.Event(), asyncio.Event()

        async def busy() -> None:
            begun.set()
            await done.wait()

        it.learner.register_handler("busy", busy)
        first = asyncio.create_task(it.proxy.call("busy"))
        await begun.wait()
        clock = ManualClock()
        policy = RetryPolicy(max_attempts=2, clock=clock)
        second = asyncio.create_task(it.proxy.with_options(retry=policy).call("size", weights=np.zeros(SIZE, np.uint8)))
        await asyncio.wait_for(clock.until_sleeping(), 10)
        done.set()
        await first
        await clock.advance(1)
        assert await second == SIZE

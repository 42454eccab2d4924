"""Large results on their way: their caller has them, or they are still to be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
import pytest
from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.bulk.courier import Courier
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.wire import Wire

RESULT = np.arange(2 << 20, dtype=np.uint8)
LANES = [
    pytest.param(LanesConfig(socket=False, shared_memory=False), id="stream"),
    pytest.param(LanesConfig(socket=True, shared_memory=False), id="socket"),
    pytest.param(LanesConfig(socket=False, shared_memory=True), id="shared memory"),
]


class Pair:
    """A learner with a large result, and its trainer; on its way a call waits at a point of a test's choice."""

    def __init__(self, learner: Node, trainer: Node, patch: pytest.MonkeyPatch) -> None:
        self.learner = learner
        self.trainer = trainer
        self.proxy = trainer.get_proxy("learner").with_options(timeout=30)
        self.there, self.go_on = asyncio.Event(), asyncio.Event()
        self._patch = patch

    @property
    def depot(self) -> Depot:
        """Where the learner's results wait."""
        return cast("Depot", cast("Any", self.learner.transport)._bulk.depot)

    def stop_at(self, owner: type, name: str) -> None:
        """Have the first call of the trainer that comes to a method of its own wait there."""
        method = getattr(owner, name)

        async def waits(self_: Any, message: Any, *given: Any) -> Any:
            if not self.there.is_set() and message.method == "train":
                self.there.set()
                await self.go_on.wait()
            return await method(self_, message, *given)

        self._patch.setattr(owner, name, waits)


@asynccontextmanager
async def pair(patch: pytest.MonkeyPatch, lanes: LanesConfig, **options: Any) -> AsyncIterator[Pair]:
    async with (
        Node("learner", "learner", GrpcTransport("127.0.0.1", 0, lanes=lanes), **options) as learner,
        Node("trainer", "trainer", GrpcTransport(lanes=lanes), heartbeat=False) as trainer,
    ):
        learner.register_handler("train", lambda: RESULT)
        await trainer.connect(f"learner@127.0.0.1:{cast('Any', learner.transport).port}")
        yield Pair(learner, trainer, patch)


@pytest.mark.parametrize("lanes", LANES)
async def test_a_node_that_stops_waits_until_they_are_fetched(
    lanes: LanesConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(monkeypatch, lanes, grace=20.0) as it:
        it.stop_at(Courier, "_wait_for_turn")
        calling = asyncio.create_task(it.proxy.call("train"))
        await asyncio.wait_for(it.there.wait(), 10)
        stopping = asyncio.create_task(it.learner.stop())
        await asyncio.wait([stopping], timeout=0.1)
        assert not stopping.done()
        it.go_on.set()
        assert np.array_equal(await calling, RESULT)
        await asyncio.wait_for(stopping, 10)


async def test_a_node_that_stops_waits_no_longer_than_its_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair(monkeypatch, LanesConfig(socket=False, shared_memory=False), grace=0.1) as it:
        it.stop_at(Courier, "_wait_for_turn")
        calling = asyncio.create_task(it.proxy.call("train"))
        await asyncio.wait_for(it.there.wait(), 10)
        await asyncio.wait_for(it.learner.stop(), 5)
        calling.cancel()
        await asyncio.wait([calling])


@pytest.mark.parametrize("lanes", LANES)
async def test_what_is_here_is_not_lost_with_its_node(lanes: LanesConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair(monkeypatch, lanes) as it:
        decode = Wire.decode_reply

        async def waits(self: Wire, message: Any, *given: Any) -> Any:
            if message.method == "train":
                it.there.set()
                await it.go_on.wait()
            return await decode(self, message, *given)

        monkeypatch.setattr(Wire, "decode_reply", waits)
        calling = asyncio.create_task(it.proxy.with_options(retry=False).call("train"))
        await asyncio.wait_for(it.there.wait(), 10)
        it.trainer._caller.lose("learner", "it does not answer")
        await asyncio.wait([calling], timeout=0.05)
        it.go_on.set()
        assert np.array_equal(await calling, RESULT)


@pytest.mark.parametrize("lanes", LANES)
async def test_those_that_nobody_wants_any_more_are_let_go(lanes: LanesConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair(monkeypatch, lanes) as it:
        it.stop_at(Courier, "_wait_for_turn")
        calling = asyncio.create_task(it.proxy.call("train"))
        await asyncio.wait_for(it.there.wait(), 10)
        assert len(it.depot) == 1
        calling.cancel()
        async with asyncio.timeout(10):
            while len(it.depot):
                await asyncio.sleep(0.002)

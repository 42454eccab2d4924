"""Lanes that could not be opened are passed over for a while, but not because their node was away."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np
import pytest
from oiafed_rpc import GrpcTransport, Node, RetriableError, Transfer
from oiafed_rpc.config import LanesConfig


@pytest.mark.parametrize("lane", ["socket", "shared_memory"])
async def test_a_node_that_was_started_anew_is_reached_over_the_same_lane(lane: str) -> None:
    lanes = LanesConfig(shared_memory=lane == "shared_memory")
    transport = GrpcTransport("127.0.0.1", 0, lanes=lanes)
    node = Node("learner", "y", transport, heartbeat=False)
    array, over = np.zeros(1 << 21, np.uint8), set[str]()

    @node.register_handler("fit", unpack=True)
    async def fit(array: np.ndarray) -> int:
        return len(array)

    def note(transfer: Transfer) -> None:
        over.add(transfer.lane)

    async with Node("caller", "x", GrpcTransport(lanes=lanes), heartbeat=False, retry=False) as caller:
        await node.start()
        port = transport.port
        await caller.connect(f"learner@127.0.0.1:{port}")
        proxy = caller.get_proxy("learner").with_options(progress=note)
        await proxy.call("fit", array=array)
        await node.stop()
        with contextlib.suppress(RetriableError, TimeoutError):
            async with asyncio.timeout(1):
                await proxy.call("fit", array=array)
        again = GrpcTransport("127.0.0.1", port, lanes=lanes)
        node = Node("learner", "y", again, heartbeat=False)
        node.register_handler("fit", fit, unpack=True)
        async with node:
            over.clear()
            async with asyncio.timeout(20):
                while not over:
                    with contextlib.suppress(RetriableError):
                        assert await proxy.call("fit", array=array) == len(array)
    assert over == {lane}

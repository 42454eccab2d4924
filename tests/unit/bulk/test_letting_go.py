"""Payloads die with their calls, whatever carries them: nobody waits for the garbage collector to have memory again."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.config import LanesConfig


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("lane", ["shared_memory", "socket", "stream"])
async def test_arrays_of_a_call_die_when_it_is_over(lane: str) -> None:
    lanes = LanesConfig(socket=lane == "socket", shared_memory=lane == "shared_memory")
    transport = GrpcTransport("127.0.0.1", 0, lanes=lanes)
    called, calling = (
        Node("b", "learner", transport=transport),
        Node("a", "trainer", transport=GrpcTransport(lanes=lanes)),
    )
    arrays: list[weakref.ref[np.ndarray]] = []  # type: ignore[type-arg]

    def watched(array: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        arrays.append(weakref.ref(array))
        return array

    @called.register_handler("fit")
    async def fit(payload: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        watched(payload["sent"])
        return {"given": watched(np.ones(1 << 21, np.uint8))}

    async with called, calling:
        await calling.connect(f"b@127.0.0.1:{transport.port}")
        for _ in range(2):
            reply = await calling.get_proxy("b").call("fit", sent=watched(np.ones(1 << 21, np.uint8)))
            watched(reply["given"])
            del reply
        async with asyncio.timeout(10):
            while any(array() is not None for array in arrays):
                await asyncio.sleep(0.001)
    assert len(arrays) == 8

"""What lasts longer than the call in which it is made does not keep that call's payload."""

from __future__ import annotations

import asyncio
import weakref

import numpy as np
import pytest
from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.context import CURRENT
from oiafed_rpc.lasting import apart_from_calls

MIB = 1 << 20


async def test_what_is_made_apart_sees_no_call() -> None:
    async def current() -> object:
        return CURRENT.get()

    token = CURRENT.set("a call")  # type: ignore[arg-type]
    assert await apart_from_calls(asyncio.create_task, current()) is None
    assert await asyncio.create_task(current()) == "a call"
    CURRENT.reset(token)


@pytest.mark.parametrize("lane", ["stream", "socket", "shared_memory"])
async def test_a_handler_whose_calls_open_a_lane_leaves_nothing_of_its_own_call(lane: str) -> None:
    lanes = LanesConfig(socket=lane == "socket", shared_memory=lane == "shared_memory")
    transports = {name: GrpcTransport("127.0.0.1", 0, lanes=lanes) for name in ("first", "second", "third")}
    first, second, third = (Node(name, name, each, heartbeat=False) for name, each in transports.items())
    seen: list[weakref.ref[np.ndarray]] = []

    async def relay(array: np.ndarray) -> int:
        seen.append(weakref.ref(array))
        return int(await second.get_proxy("third").call("size", array=np.ones(2 * MIB, np.uint8)))

    async def size(array: np.ndarray) -> int:
        return array.size

    second.register_handler("relay", relay, unpack=True)
    third.register_handler("size", size, unpack=True)
    async with third, second, first:
        await second.connect(f"third@127.0.0.1:{transports['third'].port}")
        await first.connect(f"second@127.0.0.1:{transports['second'].port}")
        proxy = first.get_proxy("second")
        assert await proxy.call("relay", array=np.ones(MIB, np.uint8)) == 2 * MIB
        async with asyncio.timeout(10):
            while seen[0]() is not None:
                await asyncio.sleep(0.01)

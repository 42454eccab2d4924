"""Several event loops in one process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from oiafed_rpc import Code, GrpcTransport, MemoryNetwork, MemoryTransport, Node, RpcError


class Elsewhere:
    """An event loop in a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    async def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        async def running() -> Any:
            return await work()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(running(), self.loop))


@contextmanager
def _elsewhere() -> Iterator[Elsewhere]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Elsewhere(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _offer(node: Node) -> None:
    async def total(numbers: AsyncIterator[int], start: int = 0) -> int:
        async for number in numbers:
            start += number
        return start

    async def running(numbers: AsyncIterator[int], start: int = 0) -> AsyncIterator[int]:
        async for number in numbers:
            start += number
            yield start

    node.register_handler("ping", lambda a=0, b=0: "pong")
    node.register_handler("sum", total)
    node.register_handler("running", running)


async def _use(node: Node, target: str) -> list[Any]:
    async def numbers() -> AsyncIterator[int]:
        for number in (1, 2, 3):
            await asyncio.sleep(0)
            yield number

    proxy = node.get_proxy(target)
    return [
        await proxy.call("ping"),
        await proxy.call("sum", numbers=numbers()),
        [item async for item in proxy.stream("running", numbers=numbers(), start=1)],
    ]


EXPECTED = ["pong", 6, [2, 4, 7]]


@pytest.mark.parametrize("serialize", [False, True])
async def test_nodes_on_two_loops_reach_each_other_in_memory(serialize: bool) -> None:
    network = MemoryNetwork()
    near = Node("near", "trainer", MemoryTransport(network, serialize=serialize))
    far = Node("far", "learner", MemoryTransport(network, serialize=serialize))
    _offer(near)
    _offer(far)
    with _elsewhere() as elsewhere:
        await elsewhere.run(far.start)
        async with near:
            assert await _use(near, "far") == EXPECTED
            assert await elsewhere.run(lambda: _use(far, "near")) == EXPECTED
        await elsewhere.run(far.stop)


async def test_nodes_on_two_loops_reach_each_other_over_grpc() -> None:
    near = Node("near", "trainer", GrpcTransport("127.0.0.1", 0))
    far = Node("far", "learner", GrpcTransport("127.0.0.1", 0))
    _offer(near)
    _offer(far)
    with _elsewhere() as elsewhere:
        await elsewhere.run(far.start)
        async with near:
            await near.connect(f"far@127.0.0.1:{far.transport.port}")
            await elsewhere.run(lambda: far.connect(f"near@127.0.0.1:{near.transport.port}"))
            assert await _use(near, "far") == EXPECTED
            assert await elsewhere.run(lambda: _use(far, "near")) == EXPECTED
            for use in (
                lambda: near.get_proxy("far").call("ping"),
                lambda: near.connect(f"far@127.0.0.1:{far.transport.port}"),
                near.stop,
            ):
                with pytest.raises(RpcError, match="another event loop") as failure:
                    await elsewhere.run(use)
                assert failure.value.code is Code.FAILED_PRECONDITION
            assert await near.get_proxy("far").call("ping") == "pong"
        await elsewhere.run(far.stop)

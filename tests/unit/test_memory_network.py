"""Nodes in one process: ids, event loops, references."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest
from oiafed_rpc import Code, MemoryNetwork, MemoryTransport, Node, RpcError


async def test_objects_are_handed_over_as_they_are() -> None:
    network = MemoryNetwork()
    async with Node("a", "x", MemoryTransport(network)) as a, Node("b", "y", MemoryTransport(network)) as b:
        weights = np.zeros(3)
        a.register_handler("same", lambda w, other=None: w)
        assert await b.get_proxy("a").call("same", w=weights) is weights


async def test_an_id_that_is_taken_is_refused() -> None:
    network = MemoryNetwork()
    async with Node("a", "x", MemoryTransport(network)):
        twin = Node("a", "x", MemoryTransport(network))
        with pytest.raises(RpcError, match="a node with the id 'a' is running in this process") as failure:
            await twin.start()
        assert failure.value.code is Code.ALREADY_EXISTS
    await twin.start()
    await twin.stop()


async def test_networks_are_apart() -> None:
    async with Node("a", "x", MemoryTransport(MemoryNetwork())), Node("b", "y", MemoryTransport(MemoryNetwork())) as b:
        with pytest.raises(RpcError, match="no node 'a' is running in this process; running: b"):
            await b.get_proxy("a").call("ping")


def test_a_node_whose_loop_has_closed_gives_up_its_id() -> None:
    network = MemoryNetwork()
    asyncio.run(Node("a", "x", MemoryTransport(network)).start())

    async def again() -> None:
        async with Node("a", "x", MemoryTransport(network)):
            pass

    asyncio.run(again())


def test_a_transport_is_one_nodes() -> None:
    transport = MemoryTransport(MemoryNetwork())
    Node("a", "x", transport)
    with pytest.raises(RpcError, match="one node, one transport"):
        Node("b", "x", transport)


class _Thread:
    """A node that lives on an event loop of its own, in a thread of its own."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.network = network
        self.ready = threading.Event()
        self.cancelled = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main()))

    async def _main(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        node = Node("far", "x", MemoryTransport(self.network))
        node.register_handler("thread", self._ident)
        node.register_handler("forever", self._forever)
        node.register_handler("count", self._count)
        async with node:
            self.ready.set()
            await self.stop.wait()

    async def _ident(self, a: int = 0, b: int = 0) -> int:
        return threading.get_ident()

    async def _forever(self, a: int = 0, b: int = 0) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    async def _count(self, n: int, b: int = 0) -> AsyncIterator[int]:
        for number in range(n):
            yield number

    def __enter__(self) -> _Thread:
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)
        assert not self.thread.is_alive()


async def test_calls_cross_from_one_event_loop_to_another() -> None:
    network = MemoryNetwork()
    with _Thread(network) as far:
        async with Node("near", "y", MemoryTransport(network)) as near:
            proxy = near.get_proxy("far")
            assert await proxy.call("thread") == far.thread.ident
            assert [item async for item in proxy.stream("count", n=3)] == [0, 1, 2]
            with pytest.raises(RpcError) as failure:
                await proxy.with_options(timeout=0.2).call("forever")
            assert failure.value.code is Code.DEADLINE_EXCEEDED
            assert await asyncio.to_thread(far.cancelled.wait, 5)


async def test_waiting_for_peers_sees_nodes_of_other_threads() -> None:
    network = MemoryNetwork()
    async with Node("near", "y", MemoryTransport(network)) as near:
        waiting = asyncio.create_task(near.wait_for_peers(role="x", timeout=10))
        await asyncio.sleep(0)
        with _Thread(network):
            assert [peer.node_id for peer in await waiting] == ["far"]

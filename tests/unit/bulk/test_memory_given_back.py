"""The memory of a large payload is given back as soon as nobody has it: not only when Python looks for circles."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest
from oiafed_rpc import GrpcTransport, Node, RpcError
from oiafed_rpc.bulk import incoming, outgoing
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.proxy import Proxy

_LANES = {
    "shared_memory": LanesConfig(),
    "socket": LanesConfig(shared_memory=False),
    "stream": LanesConfig(shared_memory=False, socket=False),
}


@contextlib.asynccontextmanager
async def _called(lanes: LanesConfig) -> AsyncIterator[tuple[Proxy, GrpcTransport]]:
    transport = GrpcTransport("127.0.0.1", 0, lanes=lanes)
    node = Node("learner", "y", transport, heartbeat=False)

    async def echo(array: np.ndarray) -> np.ndarray:
        return array

    async def never(array: np.ndarray) -> None:
        del array
        await asyncio.Event().wait()

    async def many(array: np.ndarray) -> AsyncIterator[np.ndarray]:
        while True:
            yield array

    for handler in (echo, never, many):
        node.register_handler(handler.__name__, handler, unpack=True)
    async with node, Node("caller", "x", GrpcTransport(lanes=lanes), heartbeat=False) as caller:
        await caller.connect(f"learner@127.0.0.1:{transport.port}")
        yield caller.get_proxy("learner"), transport


@pytest.fixture
def without_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def transfers(monkeypatch: pytest.MonkeyPatch) -> weakref.WeakSet[object]:
    """Those that are alive."""
    alive: weakref.WeakSet[object] = weakref.WeakSet()
    for kind in (incoming.Incoming, outgoing.Outgoing):
        begin = kind.__init__

        def count(self: object, *args: object, _begin: object = begin, **options: object) -> None:
            alive.add(self)
            _begin(self, *args, **options)  # type: ignore[operator]

        monkeypatch.setattr(kind, "__init__", count)
    return alive


async def _none_left(transfers: weakref.WeakSet[object]) -> None:
    async with asyncio.timeout(5):
        while len(transfers):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("lane", _LANES)
@pytest.mark.usefixtures("without_collection")
async def test_after_a_call(lane: str, transfers: weakref.WeakSet[object]) -> None:
    async with _called(_LANES[lane]) as (proxy, _):
        array = np.zeros(1 << 21, np.uint8)
        replies = [await proxy.call("echo", array=array) for _ in range(2)]
        assert [len(each) for each in replies] == [1 << 21, 1 << 21]
        await _none_left(transfers)
        there, gone = weakref.ref(array), weakref.ref(replies[0].base)
        del array, replies
        assert there() is None
        assert gone() is None


@pytest.mark.parametrize("lane", _LANES)
@pytest.mark.usefixtures("without_collection")
async def test_after_a_call_that_is_given_up(lane: str, transfers: weakref.WeakSet[object]) -> None:
    async with _called(_LANES[lane]) as (proxy, transport):
        for _ in range(3):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await proxy.call("never", array=np.zeros(1 << 21, np.uint8))
        await _none_left(transfers)
        assert transport._transfers is not None
        assert len(transport._transfers.depot) == 0


@pytest.mark.parametrize("lane", _LANES)
@pytest.mark.usefixtures("without_collection")
async def test_after_a_call_that_fails(lane: str, transfers: weakref.WeakSet[object]) -> None:
    async with _called(_LANES[lane]) as (proxy, _):
        for _ in range(3):
            with pytest.raises(RpcError, match="nothing"):
                await proxy.call("nothing", array=np.zeros(1 << 21, np.uint8))
        await _none_left(transfers)


async def test_after_a_stream_that_is_left(transfers: weakref.WeakSet[object]) -> None:
    async with _called(_LANES["stream"]) as (proxy, transport):
        async with contextlib.aclosing(proxy.stream("many", array=np.zeros(1 << 21, np.uint8))) as items:
            async for _ in items:
                break
        assert transport._transfers is not None
        async with asyncio.timeout(5):
            while len(transport._transfers.depot):
                await asyncio.sleep(0.01)
        del transfers

"""Links that are cut, slow, or stand still, and peers that go away, in the middle of a transfer."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from oiafed_rpc import Code, Node, Proxy, RetriableError, RpcError, Transfer
from oiafed_rpc.bulk.chunk import CHUNK, Head
from oiafed_rpc.testing import FaultProxy

from tests.e2e.transfers.peer import digest, noise
from tests.e2e.transfers.peers import SOCKET, STREAM, Process, caller, started
from tests.links import link

SIZE = 3 * CHUNK + 100
BEGINNING = 32 + 5 + 25  # bytes: ticket, and request with the size of one buffer
STEP = Head.SIZE + CHUNK
FRAMES = 0.03  # of gRPC's frames, in bytes of the payload
VALUE = noise(SIZE)


class Between:
    """A node in another process, and the links that lead to it.

    Attributes:
        node: The caller.
        peer: The process.
        calls: The link of gRPC.
        link: The link that has the bytes of transfers.
    """

    def __init__(self, node: Node, peer: Process, calls: FaultProxy, link: FaultProxy) -> None:
        self.node, self.peer, self.calls, self.link = node, peer, calls, link

    def proxy(self, **options: Any) -> Proxy:
        return self.node.get_proxy(self.peer.node_id).with_options(**options)


@asynccontextmanager
async def between(lane: str, idle: float = 10.0, **options: Any) -> AsyncIterator[Between]:
    async with AsyncExitStack() as stack:
        calls, beside = await stack.enter_async_context(link()), await stack.enter_async_context(link())
        lanes = {"socket": lane == SOCKET, "shared_memory": False, "socket_port": beside.port}
        peer = await stack.enter_async_context(started(host=calls.target[0], port=calls.port, idle=idle, lanes=lanes))
        node = await stack.enter_async_context(caller(lane, idle, **options))
        await node.connect(f"{peer.node_id}@{calls.host}:{calls.port}")
        yield Between(node, peer, calls, beside if lane == SOCKET else calls)


def places(lane: str) -> Iterator[int]:
    """Bytes after which a link is cut: around each boundary of chunks, and in between."""
    if lane == STREAM:
        return (place for start in range(0, SIZE - CHUNK, STEP) for place in (start + 4000, start + CHUNK // 2))
    steps = (-1, 0, 1, Head.SIZE, CHUNK // 2)
    last = BEGINNING + SIZE + 4 * Head.SIZE
    starts = range(BEGINNING, last, STEP)
    return (place for start in starts for step in steps if (place := start + step) < last)


@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_requests_over_a_link_that_is_cut(lane: str) -> None:
    expected = digest(VALUE)
    async with between(lane) as there:
        for place in places(lane):
            told: list[Transfer] = []
            there.link.count()
            there.link.cut_after(place, up=True)
            assert await there.proxy(progress=told.append).call("digest", value=VALUE) == expected, place
            assert there.link.reached.is_set(), place
            assert told[-1].lane == lane
            assert there.link.up <= SIZE * (1 + FRAMES) + 2 * CHUNK, place


@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_replies_over_a_link_that_is_cut(lane: str) -> None:
    async with between(lane) as there:
        await there.proxy().call("prepare", size=SIZE)
        for place in places(lane):
            told: list[Transfer] = []
            there.link.count()
            there.link.cut_after(place, up=False)
            value = await there.proxy(progress=told.append).call("give", size=SIZE)
            assert there.link.reached.is_set(), place
            assert digest(value) == digest(VALUE), place
            assert told[-1].lane == lane
            assert there.link.down <= SIZE * (1 + FRAMES) + 2 * CHUNK, place


@pytest.mark.parametrize("up", [True, False])
async def test_a_link_that_is_cut_again_and_again(up: bool) -> None:
    async with between(SOCKET) as there:
        await there.proxy().call("prepare", size=SIZE)
        there.link.cut_after(CHUNK + CHUNK // 2, up=up)
        call = there.proxy().call("mirror", value=VALUE)
        waiting = asyncio.create_task(call)
        for _ in range(2):
            await there.link.reached.wait()
            there.link.cut_after(CHUNK + CHUNK // 2, up=up)
        assert digest(await waiting) == digest(VALUE)
        assert (there.link.up if up else there.link.down) <= SIZE + 5 * CHUNK


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_a_link_that_stands_still_fails_in_time(lane: str, up: bool) -> None:
    async with between(lane, idle=0.5) as there:
        await there.proxy().call("prepare", size=SIZE)
        there.link.stop_after(CHUNK, up=up)
        began = time.monotonic()
        method, arguments = ("digest", {"value": VALUE}) if up else ("give", {"size": SIZE})
        with pytest.raises(RetriableError, match="learner_0") as failure:
            await there.proxy(timeout=30).call(method, **arguments)
        assert time.monotonic() - began < 0.5 + 1.5
        assert failure.value.code is Code.UNAVAILABLE
        assert failure.value.ran is not up
        there.link.mend()
        assert await there.proxy().call("digest", value=VALUE) == digest(VALUE)


@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_a_slow_link_takes_longer_than_other_calls_may(lane: str) -> None:
    idle = 4.0 if lane == STREAM else 1.5  # what gRPC and the kernel have taken, nobody sees move
    async with between(lane, idle=idle, request_timeout=1.0) as there:
        there.link.rate = 2 * CHUNK
        began = time.monotonic()
        assert await there.proxy().call("digest", value=VALUE) == digest(VALUE)
        assert time.monotonic() - began > 1.0
        began = time.monotonic()
        with pytest.raises(RpcError) as failure:
            await there.proxy(timeout=0.5).call("digest", value=VALUE)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_a_receiver_that_goes_away(lane: str, sent: signal.Signals) -> None:
    async with between(lane, idle=0.5) as there:
        there.link.stop_after(CHUNK, up=True)
        waiting = asyncio.create_task(there.proxy(timeout=30).call("digest", value=VALUE))
        await there.link.reached.wait()
        there.peer.process.send_signal(sent)
        there.link.mend()
        began = time.monotonic()
        with pytest.raises(RetriableError, match="learner_0") as failure:
            await waiting
        assert time.monotonic() - began < 0.5 + 1.5
        assert failure.value.ran is False


async def test_what_a_killed_sender_has_sent_is_dropped() -> None:
    async with between(SOCKET, idle=0.5) as there, started("sender", lanes={"shared_memory": False}) as sender:
        await there.node.connect(sender.address)
        proxy = there.node.get_proxy("sender")
        await proxy.call("connect", address=f"{there.peer.node_id}@{there.calls.host}:{there.calls.port}")
        await proxy.call("prepare", size=SIZE)
        there.link.stop_after(2 * CHUNK, up=True)
        waiting = asyncio.create_task(proxy.call("push", target=there.peer.node_id))
        await there.link.reached.wait()
        sender.process.kill()
        with pytest.raises(RpcError):
            await waiting
        assert await there.peer.says("was dropped") == f"a transfer of {SIZE} bytes was dropped: nobody asked for it"

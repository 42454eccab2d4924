"""Large payloads of calls over gRPC: what is told of them, and how many replies of a loop are fetched at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from oiafed_rpc import (
    BroadcastStream,
    Code,
    GrpcTransport,
    Node,
    PartialFailure,
    ProxyCollection,
    RetriableError,
    RpcError,
    Transfer,
)
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.proxy import Proxy

ROOM = BroadcastStream.LARGE_REPLIES
MIB = 1 << 20


@contextlib.asynccontextmanager
async def _federation(count: int, handler: Callable[..., Any]) -> AsyncIterator[tuple[Node, ProxyCollection[Proxy]]]:
    async with contextlib.AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Node("caller", "x", GrpcTransport("127.0.0.1", 0), heartbeat=False))
        for number in range(count):
            transport = GrpcTransport("127.0.0.1", 0)
            node = Node(f"learner_{number}", "y", transport, heartbeat=False)
            node.register_handler("fit", handler, unpack=True)
            await stack.enter_async_context(node)
            await caller.connect(f"learner_{number}@127.0.0.1:{transport.port}")
        yield caller, caller.get_collection(targets=[f"learner_{number}" for number in range(count)])


async def _double(array: np.ndarray) -> np.ndarray:
    return array * 2


async def _large(size: int = 2 * MIB) -> np.ndarray:
    return np.ones(size, np.uint8)


async def test_both_directions_are_told_of_before_the_call_returns() -> None:
    told: list[Transfer] = []
    async with _federation(1, _double) as (caller, _):
        proxy = caller.get_proxy("learner_0").with_options(progress=told.append)
        array = np.arange(3 * MIB / 4, dtype=np.float32)
        assert np.array_equal(await proxy.call("fit", array=array), array * 2)
    assert [(each.sending, each.done, each.error) for each in told if each.over] == [
        (True, 3 * MIB, None),
        (False, 3 * MIB, None),
    ]
    assert {(each.node_id, each.method, each.total) for each in told} == {("learner_0", "fit", 3 * MIB)}
    assert all(each.lane for each in told)


async def test_one_callback_is_told_of_all_nodes() -> None:
    told: list[Transfer] = []
    async with _federation(3, _double) as (_, many):
        await many.with_options(progress=told.append).broadcast("fit", array=np.ones(MIB, np.uint8))
    ended = sorted((each.node_id, each.sending) for each in told if each.over)
    assert ended == [(f"learner_{number}", sending) for number in range(3) for sending in (False, True)]


async def test_both_sides_log_large_ones(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "oiafed_rpc")
    async with _federation(1, _double) as (caller, _):
        await caller.get_proxy("learner_0").call("fit", array=np.ones(16 * MIB, np.uint8))
        async with asyncio.timeout(10):
            while "was sent" not in caplog.text:
                await asyncio.sleep(0.01)
    lines = [re.sub(r"in \S+ s, [\d.]+ [kMG]?B/s( over \w+)?", "in S, R", record.message) for record in caplog.records]
    assert sorted(line for line in lines if "16.8 MB" in line) == [
        "fit received from node 'learner_0': 16.8 MB in S, R",
        "fit sent to node 'learner_0': 16.8 MB in S, R",
        "the reply of fit to node 'caller' was sent: 16.8 MB in S, R",
        "the request of fit was received: 16.8 MB in S, R",
    ]


async def test_a_loop_fetches_a_few_replies_and_then_waits() -> None:
    fetched: set[str] = set()
    async with _federation(2 * ROOM, _large) as (_, many):
        seen = 0
        async for reply in many.with_options(progress=lambda each: fetched.add(each.node_id)).broadcast("fit"):
            assert reply.value.nbytes == 2 * MIB
            async with asyncio.timeout(10):
                while len(fetched) < min(2 * ROOM, seen + ROOM):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.02)
            assert len(fetched) <= seen + ROOM
            seen += 1
        assert seen == 2 * ROOM


async def test_replies_wait_longer_than_the_nodes_own_timeout() -> None:
    async with _federation(2 * ROOM, _large) as (caller, many):
        caller._caller._timeout = 1.0
        replies = 0
        async for reply in many.broadcast("fit"):
            assert reply.ok, reply.error
            replies += 1
            await asyncio.sleep(0.3)
        assert replies == 2 * ROOM


async def test_a_loop_that_is_left_leaves_no_turn_behind() -> None:
    async with _federation(2 * ROOM, _large) as (_, many):
        for _ in range(3):
            async with contextlib.aclosing(aiter(many.broadcast("fit"))) as replies:
                async for reply in replies:
                    assert reply.ok
                    break
        assert len(await many.broadcast("fit")) == 2 * ROOM


async def test_a_failure_among_large_replies_does_not_hold_the_others() -> None:
    async def fails(size: int) -> np.ndarray:
        del size
        raise RpcError(Code.ABORTED, "no")

    async with _federation(ROOM, _large) as (_, many):
        with pytest.raises(PartialFailure):
            await many.with_options(timeout=30).broadcast("fit", size="many")
        assert len(await many.broadcast("fit", size=MIB)) == ROOM


@pytest.mark.parametrize("remembered", [True, False])
async def test_a_result_that_is_gone_is_asked_for_again_where_it_is_remembered(
    remembered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 0

    async def handler() -> np.ndarray:
        nonlocal runs
        runs += 1
        return await _large()

    depart = Depot.depart

    def gone(depot: Depot, outgoing: Outgoing, title: str) -> None:
        depart(depot, outgoing, title)
        depot.drop(outgoing.id)
        monkeypatch.setattr(Depot, "depart", depart)

    monkeypatch.setattr(Depot, "depart", gone)
    async with _federation(1, handler) as (caller, _):
        proxy = caller.get_proxy("learner_0")
        if remembered:
            assert len(await proxy.call("fit")) == 2 * MIB
        else:
            with pytest.raises(RetriableError, match="ran on node 'learner_0', but its result is gone") as failure:
                await proxy.with_options(retry=False).call("fit")
            assert (failure.value.code, failure.value.ran) == (Code.NOT_FOUND, True)
    assert runs == 1

"""The node's own timeout does not count the time in which a call's transfer advances; a timeout that was given does."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from federation.v1 import FitConfig, LearnerProxy
from oiafed_rpc import (
    Code,
    MemoryNetwork,
    MemoryTransport,
    Message,
    Node,
    ProxyCollection,
    RetriableError,
    RetryPolicy,
    RpcError,
    Transfer,
)
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.proxy import Proxy

from tests.unit.learners import Echo

SHORT = 0.3  # seconds
SOME = 5  # chunks, one each third of that


class Slow(MemoryTransport):
    """Has a transfer before each call, as a large request has, which takes longer than the node's timeout."""

    def __init__(self, network: MemoryNetwork) -> None:
        super().__init__(network, serialize=True)
        self.idle = 5.0
        self.stops = False
        self.failures = 0
        self.messages: list[Message] = []

    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        return self._send(target, message, lambda: super(Slow, self).send(target, message))

    async def _send(self, target: str, message: Message, send: Callable[[], Coroutine[Any, Any, Message]]) -> Message:
        self.messages.append(message)
        meter = Meter(
            message.method, target, SOME, sending=True, idle=self.idle, progress=message.progress, call=message
        )
        try:
            for _ in range(SOME):
                if self.stops:
                    await asyncio.Event().wait()
                await asyncio.sleep(SHORT / 3)
                meter.advance(1, 1)
        except BaseException as error:
            meter.fail(error)
            raise
        meter.finish()
        if len(self.messages) <= self.failures:
            raise RetriableError("the link was cut", ran=False)
        return await send()


@contextlib.asynccontextmanager
async def _nodes(timeout: float = SHORT, **options: Any) -> AsyncIterator[tuple[Proxy, Slow]]:
    network = MemoryNetwork()
    transport = Slow(network)
    learner = Node("learner", "learner", MemoryTransport(network, serialize=True), heartbeat=False)
    learner.register_handler("ping", _pong)
    learner.register_handler("hang", _hang)
    learner.register(Echo())
    caller = Node("caller", "trainer", transport, request_timeout=timeout, heartbeat=False, **options)
    async with learner, caller:
        yield caller.get_proxy("learner"), transport


async def _pong(payload: Any) -> str:
    return "pong"


async def _hang(payload: Any) -> None:
    await asyncio.Event().wait()


async def test_a_transfer_that_takes_longer_than_the_timeout_arrives() -> None:
    async with _nodes() as (proxy, transport):
        assert await proxy.call("ping") == "pong"
        assert transport.messages[0].default_deadline


async def test_what_is_left_of_the_timeout_holds_after_the_transfer() -> None:
    async with _nodes() as (proxy, _):
        began = time.monotonic()
        with pytest.raises(RpcError) as caught:
            await proxy.call("hang")
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert time.monotonic() - began > SHORT * SOME / 3


async def test_a_transfer_that_stops_does_not_hang() -> None:
    async with _nodes() as (proxy, transport):
        transport.stops, transport.idle = True, SHORT
        with pytest.raises(RpcError) as caught:
            await asyncio.wait_for(proxy.call("ping"), 10)
        assert caught.value.code is Code.DEADLINE_EXCEEDED


async def test_a_timeout_that_was_given_bounds_the_whole() -> None:
    async with _nodes(timeout=60) as (proxy, transport):
        with pytest.raises(RpcError) as caught:
            await proxy.with_options(timeout=SHORT).call("ping")
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert not transport.messages[0].default_deadline


async def test_a_timeout_of_the_schema_was_given() -> None:
    async with _nodes(timeout=60) as (proxy, transport):
        learner = LearnerProxy(proxy._rpc_caller, "learner")
        await learner.fit(weights={}, config=FitConfig(epochs=1))
        await learner.describe()
    assert [message.default_deadline for message in transport.messages] == [False, True]


async def test_the_total_timeout_of_the_attempts_bounds_the_whole() -> None:
    async with _nodes(retry=RetryPolicy(total_timeout=SHORT * 1.1)) as (proxy, _):
        with pytest.raises(RpcError) as caught:
            await proxy.call("ping")
        assert caught.value.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize(
    ("total", "default", "left"), [(None, True, 60), (90, True, 60), (30, False, 30), (60, True, 60)]
)
async def test_which_deadlines_may_move(total: float | None, default: bool, left: float) -> None:
    async with _nodes(timeout=60, retry=RetryPolicy(total_timeout=total)) as (proxy, transport):
        now = time.monotonic()
        await proxy.call("ping")
    (message,) = transport.messages
    assert message.default_deadline is default
    assert message.deadline is not None
    assert message.deadline - now - left < 10
    assert message.latest == math.inf if total is None else 0 <= message.latest - now - total < 10


async def test_further_attempts_have_the_time_that_the_first_has_left() -> None:
    async with _nodes(retry=RetryPolicy(random=lambda: 0.0)) as (proxy, transport):
        transport.failures = 2
        assert await proxy.call("ping") == "pong"
    first, second, third = transport.messages
    assert first.call_id == second.call_id == third.call_id
    assert third.default_deadline
    assert None is not first.deadline
    assert None is not third.deadline
    assert third.deadline > first.deadline


async def test_a_nested_call_ends_with_the_handler_that_makes_it() -> None:
    async with _nodes(timeout=60) as (proxy, transport):
        caller = proxy._rpc_caller

        async def nested(payload: Any) -> Any:
            return await Proxy(caller, "learner").call("ping")

        network = transport.network
        middle = Node("middle", "x", MemoryTransport(network, serialize=True), heartbeat=False)
        outer = Node("outer", "x", MemoryTransport(network, serialize=True), heartbeat=False)
        middle.register_handler("nested", nested)
        async with middle, outer:
            with pytest.raises(RpcError) as caught:
                await outer.get_proxy("middle").with_options(timeout=SHORT).call("nested")
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        assert not transport.messages[0].default_deadline


async def test_progress_is_told_of_each_transfer_before_the_call_returns() -> None:
    told: list[Transfer] = []
    async with _nodes(timeout=60) as (proxy, _):
        await proxy.with_options(progress=told.append).with_options(timeout=50).call("ping")
        assert told[0].done == 1
        assert told[-1].over
        assert {(each.node_id, each.method) for each in told} == {("learner", "ping")}
        many = ProxyCollection[Proxy](proxy._rpc_caller, lambda: ["learner"])
        told.clear()
        await many.with_options(progress=told.append).broadcast("ping")
        assert told[-1].over


async def test_what_is_no_callback_is_refused() -> None:
    async with _nodes() as (proxy, _):
        wrong: Any
        for wrong in (3, _pong):
            with pytest.raises(TypeError, match="progress must be an ordinary function that takes a Transfer"):
                proxy.with_options(progress=wrong)

"""Who is there: events of peers that come, go, fall silent and answer again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from oiafed_rpc import (
    CallNext,
    Code,
    Context,
    HeartbeatManager,
    Interceptor,
    Message,
    Node,
    OutcomeUnknown,
    Peer,
    ReconnectPolicy,
    RetriableError,
    RetryPolicy,
    RpcError,
    Side,
)
from oiafed_rpc.config import DeliveryConfig

from tests.conformance.conftest import Federation

SOON = 10.0
EVENTS = ("connected", "left", "lost", "recovered")


class Silence(Interceptor):
    """Has a node give no sign of life while it lasts; other calls go on."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.over.set()

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        if context.side is Side.HANDLER and message.spec is not None and message.spec.provided:
            await self.over.wait()
        return await call_next(message, context)


class Log:
    """The events of a node, as they come."""

    def __init__(self, node: Node, *events: str) -> None:
        self.peers: dict[str, Peer] = {}
        self._told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        for event in events or EVENTS:
            node.on(event, lambda peer, event=event: self._note(event, peer))

    def _note(self, event: str, peer: Peer) -> None:
        self.peers[event] = peer
        self._told.put_nowait((event, peer.node_id))

    async def next(self) -> tuple[str, str]:
        async with asyncio.timeout(SOON):
            return await self._told.get()


def _beats() -> HeartbeatManager:
    return HeartbeatManager(interval=0.05, timeout=0.2)


async def _silent_pair(federation: Federation) -> tuple[Node, Node, Silence, Log]:
    """A trainer with fast heartbeats, its learner that remembers no calls, and what makes it silent."""
    silence, forgetful = Silence(), DeliveryConfig(calls=0)
    options: dict[str, Any] = {"interceptors": [silence], "heartbeat": False, "delivery": forgetful}
    learner = await federation.start("learner_0", "learner", **options)
    trainer = await federation.start("trainer", "trainer", heartbeat=_beats())
    log = Log(trainer, "lost", "recovered")
    await federation.connect(trainer, learner)
    return trainer, learner, silence, log


async def test_a_peer_that_comes_and_goes_is_told(federation: Federation) -> None:
    trainer = await federation.start("trainer", "trainer")
    log = Log(trainer)
    learner = await federation.start("learner_0", "learner")
    await federation.connect(trainer, learner)
    assert await log.next() == ("connected", "learner_0")
    epoch = trainer.peers["learner_0"].epoch
    assert log.peers["connected"].epoch == epoch
    assert (log.peers["connected"].role, log.peers["connected"].state) == ("learner", "connected")
    await learner.stop()
    assert await log.next() == ("left", "learner_0")
    assert "learner_0" not in trainer.peers
    await learner.start()
    await federation.connect(trainer, learner)
    assert await log.next() == ("connected", "learner_0")
    assert trainer.peers["learner_0"].epoch not in ("", epoch)


async def test_a_peer_that_is_started_again_is_connected_again(federation: Federation) -> None:
    trainer, learner = await federation.pair(reconnect=ReconnectPolicy(0.01, 0.05))
    log, address = Log(trainer), federation.address(learner)
    dials = trainer.peers["learner_0"].address == "dial-out"
    epochs = {trainer.peers["learner_0"].epoch}
    for number in range(1, 4):
        await learner.stop()
        assert await log.next() == ("left", "learner_0")
        learner = await federation.start("learner_0", transport=federation.transport_at(address), retry=False)
        learner.register_handler("ping", lambda a=0, b=0, number=number: number)
        if dials:
            await learner.connect(federation.address(trainer))
        assert await log.next() == ("connected", "learner_0")
        epochs.add(trainer.peers["learner_0"].epoch)
        async with asyncio.timeout(SOON):
            assert await trainer.get_proxy("learner_0").call("ping") == number
    assert len(epochs) == 4


async def test_a_silent_peer_is_lost_and_recovers(federation: Federation) -> None:
    trainer, _, silence, log = await _silent_pair(federation)
    seen = trainer.peers["learner_0"].last_seen
    silence.over.clear()
    assert await log.next() == ("lost", "learner_0")
    assert trainer.peers["learner_0"].state == "lost"
    assert log.peers["lost"].state == "lost"
    assert await trainer.wait_for_peers(count=0) == []
    with pytest.raises(RpcError, match="no node is connected"):
        await trainer.get_collection(role="learner").broadcast("ping")
    with pytest.raises(RpcError, match="0 of 1"):
        await trainer.wait_for_peers(role="learner", timeout=0.01)
    waiting = asyncio.create_task(trainer.wait_for_peers(role="learner", timeout=SOON))
    await asyncio.sleep(0)
    silence.over.set()
    assert await log.next() == ("recovered", "learner_0")
    assert [peer.node_id for peer in await waiting] == ["learner_0"]
    peer = trainer.peers["learner_0"]
    assert peer.state == "connected"
    assert peer.last_seen > seen


async def _forever() -> AsyncIterator[int]:
    yield 1
    await asyncio.Event().wait()


@pytest.mark.parametrize("kind", ["unary", "server", "client", "two-way"])
async def test_calls_that_wait_on_a_lost_peer_fail(federation: Federation, kind: str) -> None:
    trainer, learner, silence, log = await _silent_pair(federation)
    started = asyncio.Event()

    async def unary(a: int = 0, b: int = 0) -> None:
        started.set()
        await asyncio.Event().wait()

    async def server(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        yield 1
        started.set()
        await asyncio.Event().wait()

    async def client(items: AsyncIterator[int], b: int = 0) -> None:
        async for _ in items:
            started.set()

    async def two_way(items: AsyncIterator[int], b: int = 0) -> AsyncIterator[int]:
        async for item in items:
            yield item
            started.set()

    for name, function in {"unary": unary, "server": server, "client": client, "two-way": two_way}.items():
        learner.register_handler(name, function)
    proxy = trainer.get_proxy("learner_0").with_options(timeout=60)

    async def call() -> Any:
        if kind == "unary":
            return await proxy.call(kind)
        if kind == "client":
            return await proxy.call(kind, items=_forever())
        items = proxy.stream(kind, items=_forever()) if kind == "two-way" else proxy.stream(kind)
        return [item async for item in items]

    waiting = asyncio.create_task(call())
    async with asyncio.timeout(SOON):
        await started.wait()
    silence.over.clear()
    assert await log.next() == ("lost", "learner_0")
    with pytest.raises(OutcomeUnknown, match=r"'learner_0'.*lost: it does not answer") as failure:
        async with asyncio.timeout(SOON):
            await waiting
    assert failure.value.code is Code.UNAVAILABLE
    silence.over.set()


async def test_an_idempotent_call_is_made_again_when_its_peer_is_lost(federation: Federation) -> None:
    trainer, learner, silence, log = await _silent_pair(federation)
    runs: asyncio.Queue[int] = asyncio.Queue()

    async def work(a: int = 0, b: int = 0) -> str:
        runs.put_nowait(0)
        if not silence.over.is_set():
            return "again"
        await asyncio.Event().wait()
        return "never"

    learner.register_handler("work", work)
    policy = RetryPolicy(initial_delay=0.01)
    proxy = trainer.get_proxy("learner_0").with_options(timeout=60, idempotent=True, retry=policy)
    waiting = asyncio.create_task(proxy.call("work"))
    async with asyncio.timeout(SOON):
        await runs.get()
    silence.over.clear()
    assert await log.next() == ("lost", "learner_0")
    async with asyncio.timeout(SOON):
        assert await waiting == "again"
    silence.over.set()


async def test_without_a_retry_an_idempotent_call_says_that_its_peer_was_lost(federation: Federation) -> None:
    trainer, learner, silence, _ = await _silent_pair(federation)
    started = asyncio.Event()

    async def work(a: int = 0, b: int = 0) -> None:
        started.set()
        await asyncio.Event().wait()

    learner.register_handler("work", work)
    proxy = trainer.get_proxy("learner_0").with_options(timeout=60, idempotent=True, retry=False)
    waiting = asyncio.create_task(proxy.call("work"))
    await started.wait()
    silence.over.clear()
    with pytest.raises(RetriableError, match="'learner_0' was lost"):
        async with asyncio.timeout(SOON):
            await waiting
    silence.over.set()


async def test_callbacks_of_all_sorts(federation: Federation, caplog: pytest.LogCaptureFixture) -> None:
    trainer = await federation.start("trainer", "trainer")
    told: asyncio.Queue[str] = asyncio.Queue()

    @trainer.on("connected")
    async def later(peer: Peer) -> None:
        await asyncio.sleep(0)
        told.put_nowait(f"async {peer.node_id}")

    @trainer.on("connected")
    def fails(peer: Peer) -> None:
        raise ValueError("a mistake in a callback")

    @trainer.on("connected")
    async def fails_later(peer: Peer) -> None:
        raise ValueError("a later mistake")

    take_back = trainer.on("connected", lambda peer: told.put_nowait("no longer"))
    take_back()
    take_back()
    trainer.on("connected", lambda peer: told.put_nowait(f"sync {peer.node_id}"))
    with pytest.raises(ValueError, match="there is no event 'gone'"):
        trainer.on("gone", later)
    with caplog.at_level(logging.ERROR, "oiafed_rpc"):
        learner = await federation.start("learner_0", "learner")
        await federation.connect(trainer, learner)
        async with asyncio.timeout(SOON):
            assert {await told.get(), await told.get()} == {"async learner_0", "sync learner_0"}
    assert told.empty()
    assert caplog.text.count("a callback for 'connected' failed") == 2
    assert "a mistake in a callback" in caplog.text
    assert "a later mistake" in caplog.text


async def test_a_callback_may_call_connect_and_stop(federation: Federation) -> None:
    """What an application does when a peer comes: call it; stop when it goes."""
    trainer = await federation.start("trainer", "trainer")
    learner = federation.node("learner_0", "learner")
    learner.register_handler("ping", lambda a=0, b=0: "pong")
    answered: asyncio.Queue[object] = asyncio.Queue()

    @trainer.on("connected")
    async def greet(peer: Peer) -> None:
        answered.put_nowait(await trainer.get_proxy(peer.node_id).call("ping"))

    @trainer.on("left")
    async def leave(peer: Peer) -> None:
        await trainer.stop()
        answered.put_nowait("stopped")

    await learner.start()
    await federation.connect(trainer, learner)
    async with asyncio.timeout(SOON):
        assert await answered.get() == "pong"
        await learner.stop()
        assert await answered.get() == "stopped"


async def test_an_id_stays_taken_when_its_node_connects_again(federation: Federation) -> None:
    hub = await federation.start("hub", "trainer")
    first = await federation.start("same")
    await first.connect(federation.address(hub))
    await first.connect(federation.address(hub))
    if first.peers["hub"].address == "memory":
        return  # there a second node of the id can't even start
    impostor = Node("same", "learner", federation.transport())
    async with impostor:
        with pytest.raises(RpcError, match="the id 'same' is taken") as failure:
            await impostor.connect(federation.address(hub))
        assert failure.value.code is Code.ALREADY_EXISTS
        assert hub.node_id in first.peers


async def test_two_connections_at_once_to_one_node_both_come_about_or_one_may_be_given_up(
    federation: Federation,
) -> None:
    learner = await federation.start("learner_0")
    trainer = await federation.start("trainer", "trainer")
    given_up = asyncio.create_task(trainer.connect(federation.address(learner)))
    kept = asyncio.create_task(trainer.connect(federation.address(learner)))
    await asyncio.sleep(0)
    given_up.cancel()
    peer = await asyncio.wait_for(kept, 5)
    assert peer.node_id == "learner_0"

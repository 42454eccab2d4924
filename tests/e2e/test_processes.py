"""Peers that are processes of their own: killed, stopped, ended by a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from oiafed_rpc import Code, GrpcTransport, HeartbeatManager, Node, OutcomeUnknown, RpcError
from oiafed_rpc.config import DeliveryConfig

SOON = 10.0
BUSY = float(os.environ.get("OIAFED_BUSY_SECONDS", "3"))
"""Seconds that a core or a link is kept busy: a few, and a minute for `make test-slow`."""

LEARNER = """
import asyncio, sys, time
from oiafed_rpc import GrpcTransport, Node

def say(*words):
    print(*words, flush=True)

async def main():
    node = Node("learner_0", "learner", GrpcTransport("127.0.0.1", 0))

    @node.register_handler("unary")
    async def unary(a=0, b=0):
        say("running")
        await asyncio.Event().wait()

    @node.register_handler("server")
    async def server(a=0, b=0):
        yield 1
        say("running")
        await asyncio.Event().wait()

    @node.register_handler("client")
    async def client(items, b=0):
        async for _ in items:
            say("running")

    @node.register_handler("two_way")
    async def two_way(items, b=0):
        async for item in items:
            yield item
            say("running")

    @node.register_handler("busy")
    def busy(seconds, b=0):
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            count += 1
        return count

    @node.register_handler("mirror")
    async def mirror(items, b=0):
        async for item in items:
            yield item

    node.register_handler("ping", lambda a=0, b=0: "pong")
    if sys.argv[1] == "serve":
        task = asyncio.create_task(node.serve())
        await node.start()
        say("port", node.transport.port)
        await task
    else:
        async with node:
            say("port", node.transport.port)
            await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def _learner(how: str = "wait") -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A learner in a process of its own, and its address."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LEARNER, how, stdout=pipe, stderr=pipe)
    try:
        port = (await _line(process)).split()[1]
        yield process, f"learner_0@127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(SOON):
        return (await process.stdout.readline()).decode()


async def _forever() -> AsyncIterator[int]:
    yield 1
    await asyncio.Event().wait()


async def _call(node: Node, kind: str, timeout: float) -> Any:
    proxy = node.get_proxy("learner_0").with_options(timeout=timeout)
    if kind == "unary":
        return await proxy.call(kind)
    if kind == "client":
        return await proxy.call(kind, items=_forever())
    items = proxy.stream(kind, items=_forever()) if kind == "two_way" else proxy.stream(kind)
    return [item async for item in items]


IMPATIENT = DeliveryConfig(patience=0.2)
KINDS = ("unary", "server", "client", "two_way")


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_to_a_killed_peer_end_at_once(kind: str) -> None:
    trainer = Node("trainer", "trainer", GrpcTransport(), delivery=IMPATIENT)
    async with _learner() as (process, address), trainer:
        await trainer.connect(address)
        waiting = asyncio.create_task(_call(trainer, kind, 60))
        assert await _line(process) == "running\n"
        process.kill()
        with pytest.raises(OutcomeUnknown, match="learner_0"):
            async with asyncio.timeout(SOON):
                await waiting


@pytest.mark.parametrize("kind", KINDS)
async def test_calls_to_a_stopped_peer_end_by_their_deadline(kind: str) -> None:
    async with _learner() as (process, address), Node("trainer", "trainer", GrpcTransport()) as trainer:
        await trainer.connect(address)
        began = time.monotonic()
        waiting = asyncio.create_task(_call(trainer, kind, 1.0))
        assert await _line(process) == "running\n"
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(RpcError) as failure:
            await waiting
        assert time.monotonic() - began < 2
        assert failure.value.code is Code.DEADLINE_EXCEEDED


async def test_a_stopped_peer_is_lost_and_recovers_when_it_goes_on() -> None:
    beats = HeartbeatManager(interval=0.2, timeout=1)
    trainer = Node("trainer", "trainer", GrpcTransport(), heartbeat=beats, delivery=IMPATIENT)
    lost, recovered = asyncio.Event(), asyncio.Event()
    trainer.on("lost", lambda peer: lost.set())
    trainer.on("recovered", lambda peer: recovered.set())
    async with _learner() as (process, address), trainer:
        await trainer.connect(address)
        waiting = asyncio.create_task(_call(trainer, "unary", 60))
        assert await _line(process) == "running\n"
        process.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(beats.timeout + 1):
            await lost.wait()
            with pytest.raises(OutcomeUnknown):
                await waiting
        process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(SOON):
            await recovered.wait()
            assert await trainer.get_proxy("learner_0").call("ping") == "pong"


@asynccontextmanager
async def _watching(address: str) -> AsyncIterator[tuple[Node, list[str]]]:
    """A trainer with quick heartbeats, and what it has lost."""
    beats = HeartbeatManager(interval=0.5, timeout=2.0)
    lost: list[str] = []
    async with Node("trainer", "trainer", GrpcTransport(), heartbeat=beats) as trainer:
        trainer.on("lost", lambda peer: lost.append(peer.node_id))
        peer = await trainer.connect(address)
        yield trainer, lost
        assert trainer.peers["learner_0"].last_seen > peer.last_seen  # they went on


@pytest.mark.timeout(BUSY + 60)
async def test_heartbeats_go_on_beside_a_handler_that_keeps_a_core_busy() -> None:
    async with _learner() as (_, address), _watching(address) as (trainer, lost):
        proxy = trainer.get_proxy("learner_0").with_options(timeout=BUSY + 30)
        assert await proxy.call("busy", seconds=BUSY) > 0
        assert lost == []


@pytest.mark.timeout(BUSY + 60)
async def test_heartbeats_go_on_beside_a_saturated_link() -> None:
    end = time.monotonic() + BUSY
    payload = bytes(8 << 20)

    async def payloads() -> AsyncIterator[bytes]:
        while time.monotonic() < end:
            yield payload

    async def fill(trainer: Node) -> int:
        proxy = trainer.get_proxy("learner_0").with_options(timeout=BUSY + 30)
        return sum([len(item) async for item in proxy.stream("mirror", items=payloads())])

    async with _learner() as (_, address), _watching(address) as (trainer, lost):
        for moved in await asyncio.gather(*(fill(trainer) for _ in range(3))):
            assert moved >= len(payload)
        assert lost == []


async def test_a_killed_node_is_back_at_once_under_its_id() -> None:
    dialling = """
import asyncio, sys
from oiafed_rpc import GrpcTransport, Node

async def main():
    async with Node("learner_0", "learner", GrpcTransport()) as node:
        await node.connect(sys.argv[1])
        print("connected", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
    pipe = asyncio.subprocess.PIPE
    async with Node("hub", "trainer", GrpcTransport("127.0.0.1", 0)) as hub:
        address = f"hub@127.0.0.1:{hub.transport.port}"  # type: ignore[attr-defined]
        for _ in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", dialling, address, stdout=pipe, stderr=pipe
            )
            try:
                assert await _line(process) == "connected\n"
            finally:
                process.kill()
                await process.communicate()

"""Nodes that dial out and those that call them, as processes that are killed and come back."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest
from oiafed_rpc import GrpcTransport, HeartbeatManager, Node, OutcomeUnknown, RpcError
from oiafed_rpc.config import DeliveryConfig

SOON = 15.0

LEARNER = """
import asyncio, sys
from oiafed_rpc import GrpcTransport, Node

async def main():
    node = Node("learner_0", "learner", GrpcTransport())
    node.register_handler("ping", lambda a=0, b=0: "pong")

    @node.register_handler("never")
    async def never(a=0, b=0):
        print("running", flush=True)
        await asyncio.Event().wait()

    async with node:
        await node.connect("trainer@127.0.0.1:" + sys.argv[1])
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

TRAINER = """
import asyncio, sys
from oiafed_rpc import GrpcTransport, Node

async def main():
    transport = GrpcTransport("127.0.0.1", int(sys.argv[1]))
    node = Node("trainer", "trainer", transport)

    @node.on("connected")
    async def call(peer):
        print(await node.get_proxy(peer.node_id).call("ping"), flush=True)

    async with node:
        print(transport.port, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@contextlib.asynccontextmanager
async def _process(code: str, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(port), stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), SOON)).decode().strip()


async def test_a_learner_is_killed_in_a_call_and_comes_back() -> None:
    transport = GrpcTransport("127.0.0.1", 0)
    soon = DeliveryConfig(patience=0.5)
    async with Node("trainer", "trainer", transport, heartbeat=HeartbeatManager(0.2, 1), delivery=soon) as trainer:
        told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        for event in ("connected", "lost", "left"):
            trainer.on(event, lambda peer, event=event: told.put_nowait((event, peer.epoch)))  # type: ignore[call-overload]

        async def next_event() -> tuple[str, str]:
            return await asyncio.wait_for(told.get(), SOON)

        proxy = trainer.get_proxy("learner_0")
        async with _process(LEARNER, transport.port) as learner:
            event, epoch = await next_event()
            assert event == "connected"
            calling = asyncio.create_task(proxy.call("never"))
            assert await _said(learner) == "running"
            began = time.monotonic()
            learner.send_signal(signal.SIGKILL)
            with pytest.raises(OutcomeUnknown):
                await asyncio.wait_for(calling, SOON)
            assert await next_event() == ("lost", epoch)
            assert time.monotonic() - began < 3
        async with _process(LEARNER, transport.port):
            assert await next_event() == ("left", epoch)
            event, again = await next_event()
            assert (event, again == epoch) == ("connected", False)
            assert await proxy.call("ping") == "pong"


async def test_a_trainer_is_killed_and_calls_its_learner_when_it_is_back() -> None:
    async with Node("learner_0", "learner", GrpcTransport(), heartbeat=HeartbeatManager(0.2, 1)) as learner:
        learner.register_handler("ping", lambda a=0, b=0: "pong")
        async with _process(TRAINER, 0) as trainer:
            port = int(await _said(trainer))
            await learner.connect(f"trainer@127.0.0.1:{port}")
            assert await _said(trainer) == "pong"
            trainer.send_signal(signal.SIGKILL)
            await trainer.wait()
        async with _process(TRAINER, port) as trainer:
            assert int(await _said(trainer)) == port
            began = time.monotonic()
            assert await _said(trainer) == "pong"
            assert time.monotonic() - began < 4


async def test_a_learner_that_stands_still_is_lost_and_recovers() -> None:
    transport = GrpcTransport("127.0.0.1", 0)
    async with Node("trainer", "trainer", transport, heartbeat=HeartbeatManager(0.1, 0.5)) as trainer:
        told: asyncio.Queue[str] = asyncio.Queue()
        for event in ("lost", "recovered"):
            trainer.on(event, lambda peer, event=event: told.put_nowait(event))  # type: ignore[call-overload]
        async with _process(LEARNER, transport.port) as learner:
            await trainer.wait_for_peers(role="learner", timeout=SOON)
            learner.send_signal(signal.SIGSTOP)
            assert await asyncio.wait_for(told.get(), SOON) == "lost"
            with pytest.raises(RpcError):
                await trainer.get_proxy("learner_0").with_options(timeout=0.3).call("ping")
            learner.send_signal(signal.SIGCONT)
            assert await asyncio.wait_for(told.get(), SOON) == "recovered"
            assert await trainer.get_proxy("learner_0").call("ping") == "pong"

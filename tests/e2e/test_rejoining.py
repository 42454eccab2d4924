"""Nodes that are killed, stopped and started anew: each is back by itself, and its former start gets nothing more."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from oiafed_rpc import Code, GrpcTransport, HeartbeatManager, Node, Peer, RpcError

from tests.links import link, near_and_far

SOON = 15.0
BACK = 2.0 * float(os.environ.get("OIAFED_SLOW", "1"))
"""Seconds in which a node that is back is connected again."""

EVENTS = ("connected", "lost", "recovered", "left")

NODE = """
import asyncio, json, sys
from oiafed_rpc import GrpcTransport, Node, RpcError, Superseded

def say(*words):
    print(*words, flush=True)

async def main():
    asked = json.loads(sys.argv[1])
    port = asked["port"]
    transport = GrpcTransport() if port is None else GrpcTransport("127.0.0.1", port)
    node = Node(asked["id"], "learner", transport, connect_to=asked["connect_to"])
    for event in ("connected", "lost", "recovered", "left"):
        node.on(event, lambda peer, event=event: say(event, peer.node_id))
    node.register_handler("start", lambda: asked["start"])
    async with node:
        say("port", transport.port)
        for _ in iter(lambda: None, 0):
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            try:
                say("answer", await node.get_proxy("hub").call("ping"))
            except RpcError as error:
                say("error", type(error).__name__, error.code.name)

asyncio.run(main())
"""


class Started:
    """A learner in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.port = 0

    async def line(self) -> list[str]:
        assert self.process.stdout is not None
        async with asyncio.timeout(SOON):
            return (await self.process.stdout.readline()).decode().split()

    async def until(self, *words: str) -> list[str]:
        """Read on to a line that begins with some words."""
        while (line := await self.line())[: len(words)] != list(words):
            assert line, "it has ended"
        return line

    async def call_hub(self) -> list[str]:
        """What comes of a call that it makes to the hub."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        while (line := await self.line())[0] not in ("answer", "error"):
            pass
        return line

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


Start = Callable[..., Any]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts learners as processes."""
    async with AsyncExitStack() as stack:

        async def begin(number: int, port: int | None = None, connect_to: tuple[str, ...] = ()) -> Started:
            asked = json.dumps({"id": "learner_0", "start": number, "port": port, "connect_to": connect_to})
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", NODE, asked, stdin=pipe, stdout=pipe, stderr=pipe
            )
            started = Started(process)
            stack.push_async_callback(started.kill)
            started.port = int((await started.until("port"))[1])
            return started

        yield begin


class Hub:
    """The other side, in this process, and what happens to it."""

    def __init__(self, port: int = 0) -> None:
        self.transport = GrpcTransport("127.0.0.1", port)
        self.node = Node("hub", "trainer", self.transport, heartbeat=HeartbeatManager(0.5, 2.0))
        self.node.register_handler("ping", lambda: "pong")
        self._told: asyncio.Queue[tuple[str, Peer]] = asyncio.Queue()
        for event in EVENTS:
            self.node.on(event, lambda peer, event=event: self._told.put_nowait((event, peer)))

    @property
    def address(self) -> str:
        return f"hub@127.0.0.1:{self.transport.port}"

    async def next(self) -> tuple[str, Peer]:
        async with asyncio.timeout(SOON):
            return await self._told.get()

    async def expect(self, *events: str) -> Peer:
        """The events that come next, and the peer of the last."""
        came = [await self.next() for _ in events]
        assert tuple(event for event, _ in came) == events
        return came[-1][1]

    async def until(self, event: str) -> Peer:
        """The next event of a sort, and its peer."""
        while (came := await self.next())[0] != event:
            pass
        return came[1]

    async def start_of_learner(self) -> int:
        number: int = await self.node.get_proxy("learner_0").with_options(timeout=SOON).call("start")
        return number


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub()
    async with hub.node:
        yield hub


async def test_a_listener_that_was_killed_is_back_on_its_port(start: Start, hub: Hub) -> None:
    first = await start(1, 0)
    await hub.node.connect(f"learner_0@127.0.0.1:{first.port}")
    epoch = (await hub.expect("connected")).epoch
    await first.kill()
    killed = time.monotonic()
    assert (await hub.expect("lost")).state == "lost"
    assert time.monotonic() - killed < 1
    await start(2, first.port)
    back = time.monotonic()
    assert (await hub.expect("left", "connected")).epoch != epoch
    assert time.monotonic() - back < BACK
    assert await hub.start_of_learner() == 2


async def test_a_listener_is_back_whether_it_was_killed_or_stopped_in_order_and_however_often(
    start: Start, hub: Hub
) -> None:
    learner = await start(0, 0)
    await hub.node.connect(f"learner_0@127.0.0.1:{learner.port}")
    await hub.expect("connected")
    for number in range(1, 4):
        orderly = number % 2 == 0
        learner.process.send_signal(signal.SIGTERM if orderly else signal.SIGKILL)
        await learner.process.communicate()
        await hub.expect("left" if orderly else "lost")
        learner = await start(number, learner.port)
        await hub.expect(*(("connected",) if orderly else ("left", "connected")))
        assert await hub.start_of_learner() == number


async def test_a_listener_is_back_at_another_address_where_it_is_connected_to(start: Start, hub: Hub) -> None:
    first = await start(1, 0)
    await hub.node.connect(f"learner_0@127.0.0.1:{first.port}")
    await hub.expect("connected")
    await first.kill()
    second = await start(2, 0)
    await hub.node.connect(f"learner_0@127.0.0.1:{second.port}")
    await hub.until("connected")
    assert hub.node.peers["learner_0"].address == f"127.0.0.1:{second.port}"
    await second.kill()
    await hub.expect("lost")
    await start(3, second.port)  # it is the new address that is stayed with
    await hub.expect("left", "connected")
    assert await hub.start_of_learner() == 3


async def test_a_listener_at_another_address_takes_the_place_of_one_that_does_not_answer(
    start: Start, hub: Hub
) -> None:
    first = await start(1, 0, (hub.address,))
    await hub.node.connect(f"learner_0@127.0.0.1:{first.port}")
    await hub.expect("connected")
    assert await first.call_hub() == ["answer", "pong"]
    first.process.send_signal(signal.SIGSTOP)
    second = await start(2, 0)
    began = time.monotonic()
    await hub.node.connect(f"learner_0@127.0.0.1:{second.port}")
    assert time.monotonic() - began < BACK
    await hub.until("connected")
    assert await hub.start_of_learner() == 2
    first.process.send_signal(signal.SIGCONT)
    assert await first.call_hub() == ["error", "Superseded", "FAILED_PRECONDITION"]


async def test_a_second_listener_of_an_id_is_refused_while_the_first_answers(start: Start, hub: Hub) -> None:
    first, second = await start(1, 0), await start(2, 0)
    await hub.node.connect(f"learner_0@127.0.0.1:{first.port}")
    with pytest.raises(RpcError, match="needs another id") as failure:
        await hub.node.connect(f"learner_0@127.0.0.1:{second.port}")
    assert failure.value.code is Code.ALREADY_EXISTS
    assert await hub.start_of_learner() == 1


async def test_a_dialler_that_was_started_anew_takes_the_place_of_one_that_does_not_answer(
    start: Start, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    first = await start(1, None, (hub.address,))
    assert await first.call_hub() == ["answer", "pong"]
    first.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    second = await start(2, None, (hub.address,))
    assert time.monotonic() - began < BACK + SOON  # a process takes its time to start
    assert await second.call_hub() == ["answer", "pong"]
    first.process.send_signal(signal.SIGCONT)
    for _ in range(3):
        assert await first.call_hub() == ["error", "Superseded", "FAILED_PRECONDITION"]
    assert await second.call_hub() == ["answer", "pong"]
    assert caplog.text.count("refuses what a former start of node 'learner_0' still sends") == 1


async def test_a_dialler_is_back_where_its_listener_was_started_anew(start: Start) -> None:
    hub = Hub()
    async with hub.node:
        port = hub.transport.port
        learner = await start(1, None, (hub.address,))
    await learner.until("left", "hub")
    again = Hub(port)
    async with again.node:
        back = time.monotonic()
        await learner.until("connected", "hub")
        assert time.monotonic() - back < BACK
        assert await learner.call_hub() == ["answer", "pong"]


async def test_two_that_dial_each_other_find_each_other_again(start: Start, hub: Hub) -> None:
    first = await start(1, 0, (hub.address,))
    await hub.node.connect(f"learner_0@127.0.0.1:{first.port}")
    await hub.expect("connected")
    await first.kill()
    await hub.expect("lost")
    second = await start(2, first.port, (hub.address,))
    await hub.expect("left", "connected")
    assert await hub.start_of_learner() == 2
    assert await second.call_hub() == ["answer", "pong"]


async def test_a_link_that_stood_still_is_replaced_when_it_leads_on(hub: Hub) -> None:
    _, behind = near_and_far()
    async with link() as between:
        transport = GrpcTransport(behind, between.port)
        async with Node("learner_0", "learner", transport) as learner:
            learner.register_handler("start", lambda: 1)
            await hub.node.connect(f"learner_0@{between.host}:{between.port}")
            await hub.expect("connected")
            between.stop()
            await hub.expect("lost")
            between.mend()
            back = time.monotonic()
            await hub.expect("recovered")
            assert time.monotonic() - back < BACK
            assert await hub.start_of_learner() == 1

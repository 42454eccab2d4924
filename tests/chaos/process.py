"""A node in a process of its own: it does what it is told over a Unix socket, and says there all that happens.

What it says it has said before anything else goes on, so that a kill takes none of it back.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from oiafed_rpc import GrpcTransport, HeartbeatManager, Node, RetriableError, RetryPolicy, RpcError
from oiafed_rpc.config import DeliveryConfig, LanesConfig

BEATS = (0.3, 1.2)
"""Seconds from heartbeat to heartbeat, and until a peer is lost."""

SETTLING = 1.0
"""Seconds in which what a node has closed is closed."""


def noise(size: int, token: str) -> Any:
    """Bytes that belong to a token."""
    return np.random.default_rng(int(token, 16)).integers(0, 256, size, np.uint8)


def digest(value: Any) -> str:
    """What tells bytes from others."""
    return xxhash.xxh3_64_hexdigest(memoryview(value)) if len(value) else ""


class Line:
    """To and from the stage."""

    def __init__(self, path: str, who: str, start: int) -> None:
        self._who = {"who": who, "start": start}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def say(self, what: str, **facts: Any) -> None:
        """Say something; it is said when this returns."""
        told = {"at": time.monotonic(), "what": what, **self._who, **facts}
        self._socket.sendall(json.dumps(told).encode() + b"\n")

    async def orders(self) -> AsyncIterator[dict[str, Any]]:
        """What the stage wants."""
        reader, writer = await asyncio.open_unix_connection(sock=self._socket.dup())
        try:
            while line := await reader.readline():
                yield json.loads(line)
        finally:
            writer.close()


class Complaints(logging.Handler):
    """Says what is logged as an error: nothing of what happens here should be one."""

    def __init__(self, line: Line) -> None:
        super().__init__(logging.ERROR)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.say("complaint", text=self.format(record)[:2000])


class Learner:
    """Answers calls, and says when each runs."""

    def __init__(self, node: Node, line: Line) -> None:
        self._line = line
        self._going: dict[str, asyncio.Event] = {}
        for name in ("once", "again", "large"):
            node.register_handler(name, self._run)
        node.register_handler("thread", self._run_in_thread)
        node.register_handler("stream", self._stream)
        node.register_handler("ping", lambda a=0, b=0: "pong")

    def go(self, key: str) -> None:
        """Let a handler end that waits for it."""
        self._gate(key).set()

    def _gate(self, key: str) -> asyncio.Event:
        return self._going.setdefault(key, asyncio.Event())

    async def _run(self, key: str, pause: float, gated: bool, size: int, data: Any) -> dict[str, Any]:
        token = self._begin(key)
        try:
            if gated:
                await self._gate(key).wait()
            if pause:
                await asyncio.sleep(pause)
        except asyncio.CancelledError:
            self._line.say("cancelled", key=key, token=token)
            raise
        return self._end(key, token, size, data)

    def _run_in_thread(self, key: str, pause: float, gated: bool, size: int, data: Any) -> dict[str, Any]:
        token = self._begin(key)
        time.sleep(pause)
        return self._end(key, token, size, data)

    async def _stream(self, key: str, pause: float, gated: bool, size: int, data: Any) -> AsyncIterator[Any]:
        token = self._begin(key)
        try:
            for number in range(4):
                if gated and number == 2:
                    await self._gate(key).wait()
                await asyncio.sleep(pause / 4)
                yield {"token": token, "number": number}
        except (asyncio.CancelledError, GeneratorExit):
            self._line.say("cancelled", key=key, token=token)
            raise
        self._line.say("ended", key=key, token=token)

    def _begin(self, key: str) -> str:
        token = uuid.uuid4().hex
        self._line.say("ran", key=key, token=token)
        return token

    def _end(self, key: str, token: str, size: int, data: Any) -> dict[str, Any]:
        self._line.say("ended", key=key, token=token)
        return {"token": token, "got": digest(data), "data": noise(size, token)}


class Trainer:
    """Makes calls, and says what came of each."""

    def __init__(self, node: Node, line: Line) -> None:
        self._node = node
        self._line = line
        self._calls: dict[str, asyncio.Task[None]] = {}

    def call(self, **order: Any) -> None:
        """Make a call."""
        key = order["key"]
        self._calls[key] = asyncio.create_task(self._call(**order))

    def cancel(self, key: str) -> None:
        """Give a call up."""
        self._calls[key].cancel()

    async def until_idle(self) -> None:
        """Wait for all calls."""
        if self._calls:
            await asyncio.wait(self._calls.values())

    async def probe(self, epoch: str, patience: float) -> None:
        """Say how long it takes until the learner has joined as it runs now, and answers."""
        began, failure = time.monotonic(), "it has not joined"
        proxy = self._node.get_proxy("learner").with_options(timeout=0.5, retry=False)
        while time.monotonic() < began + patience:
            peer = self._node.peers.get("learner")
            if peer is not None and (peer.epoch, peer.state) == (epoch, "connected"):
                try:
                    await proxy.call("ping")
                    return self._line.say("probed", seconds=time.monotonic() - began)
                except RpcError as error:
                    failure = str(error)
            await asyncio.sleep(0.02)
        return self._line.say("probed", seconds=None, failure=failure)

    async def _call(self, key: str, kind: str, timeout: float, pause: float, size: int, gated: bool) -> None:
        data = noise(size, "1")
        proxy = self._node.get_proxy("learner").with_options(timeout=timeout, idempotent=kind == "again" or None)
        given = {"key": key, "pause": pause, "gated": gated, "size": size, "data": data}
        self._line.say("asked", key=key)
        try:
            if kind == "stream":
                came = [item async for item in proxy.stream(kind, **given)]
                right = [each["number"] for each in came] == list(range(4))
                self._line.say("result", key=key, token=came[0]["token"] if came else "", right=right)
            else:
                reply = await proxy.call(kind, **given)
                right = reply["got"] == digest(data) and np.array_equal(reply["data"], noise(size, reply["token"]))
                self._line.say("result", key=key, token=reply["token"], right=bool(right))
        except RpcError as error:
            self._line.say("failed", key=key, **_facts(error))
        except asyncio.CancelledError:
            self._line.say("given up", key=key)
        except Exception as error:  # an error that is not typed
            self._line.say("failed", key=key, type=type(error).__name__, code="", ran=None, message=str(error))


def _facts(error: RpcError) -> dict[str, Any]:
    last = error.__cause__ if error.__cause__ is not None and type(error).__name__ == "MaxRetriesExceeded" else error
    ran = last.ran if isinstance(last, RetriableError) else None
    return {"type": type(error).__name__, "code": error.code.name, "ran": ran, "message": error.message}


def run(options: dict[str, Any]) -> None:
    """Play a part: `who`, `start` (how manyth of its id), `line`, `host` and `port` or None, `connect_to`, `beside`,
    `journal`."""
    asyncio.run(_play(**options))


async def _play(
    who: str,
    start: int,
    line: str,
    host: str | None,
    port: int,
    connect_to: list[str],
    beside: bool,
    journal: str | None,
) -> None:
    stage = Line(line, who, start)
    logging.basicConfig(level=logging.INFO, format=f"{who} %(relativeCreated)d %(name)s %(levelname)s %(message)s")
    logging.getLogger().addHandler(Complaints(stage))
    await _warm_up()
    before = _open_files()
    lanes = LanesConfig(socket=False, shared_memory=beside)
    node = Node(
        who,
        who,
        GrpcTransport(host, port, lanes=lanes, idle_timeout=5),
        connect_to=connect_to,
        heartbeat=HeartbeatManager(*BEATS),
        retry=RetryPolicy(max_attempts=8, initial_delay=0.1, max_delay=0.5),
        grace=1.0,
        delivery=DeliveryConfig(journal=journal),
    )
    for event in ("connected", "lost", "recovered", "left"):
        node.on(event, lambda peer, event=event: stage.say("peer", event=event, peer=peer.node_id))  # type: ignore[misc]
    part = Learner(node, stage) if who == "learner" else Trainer(node, stage)
    try:
        await node.start()
    except RpcError as error:
        stage.say("did not start", **_facts(error))
        return
    stage.say("started", epoch=node._endpoint.incarnation)  # what others know it by
    await _obey(part, stage)
    await node.stop()
    del node, part
    stage.say("stopped", **await _left_behind(before))


async def _obey(part: Learner | Trainer, stage: Line) -> None:
    """Do what the stage wants, until it wants an end."""
    async for order in stage.orders():
        match order.pop("do"), part:
            case "stop", _:
                break
            case "go", Learner():
                part.go(**order)
            case "call", Trainer():
                part.call(**order)
            case "cancel", Trainer():
                part.cancel(**order)
            case "probe", Trainer():
                await part.probe(**order)
            case do, _:
                raise ValueError(do)
    if isinstance(part, Trainer):
        await part.until_idle()


async def _warm_up() -> None:
    """Have gRPC open what it keeps open for the life of a process."""
    async with Node("warm", "up", GrpcTransport("127.0.0.1", 0)) as one, Node("up", "up", GrpcTransport()) as other:
        await other.connect(f"warm@127.0.0.1:{one.transport.port}")  # type: ignore[attr-defined]


def _open_files() -> dict[str, str]:
    found = {}
    for each in Path("/proc/self/fd").iterdir():
        try:
            found[each.name] = os.readlink(each)
        except OSError:
            continue  # the folder's own
    return found


async def _left_behind(before: dict[str, str]) -> dict[str, Any]:
    """What is still there of a node that has stopped; gRPC closes what was connecting a moment later."""
    until = time.monotonic() + SETTLING
    while True:
        gc.collect()
        tasks = [repr(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        files = [place for number, place in _open_files().items() if before.get(number) != place]
        if not (tasks or files) or time.monotonic() > until:
            return {"tasks": tasks, "files": files}
        await asyncio.sleep(0.02)

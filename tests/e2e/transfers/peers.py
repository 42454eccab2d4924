"""Nodes in processes of their own, and what tests say to them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.config import LanesConfig

SOON = 20.0
PEER = Path(__file__).with_name("peer.py")
STREAM, SOCKET, SHARED = "stream", "socket", "shared_memory"
LANES = (STREAM, SOCKET, SHARED)


def only(lane: str, port: int = 0) -> LanesConfig:
    """What leaves one lane, beside the stream that is always there."""
    return LanesConfig(socket=lane == SOCKET, shared_memory=lane == SHARED, socket_port=port)


class Process:
    """A node that runs a program such as `peer.py`.

    Attributes:
        port: Where it listens.
        process: The process.
    """

    def __init__(self, node_id: str, process: asyncio.subprocess.Process) -> None:
        self.node_id = node_id
        self.process = process
        self.host, self.port = "127.0.0.1", 0

    @property
    def address(self) -> str:
        return f"{self.node_id}@{self.host}:{self.port}"

    async def says(self, words: str) -> str:
        """The next line that has these words in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SOON):
            while line := (await self.process.stdout.readline()).decode():
                if words in line:
                    return line.strip()
        assert self.process.stderr is not None
        raise AssertionError((await self.process.stderr.read()).decode())


@asynccontextmanager
async def started(node_id: str = "learner_0", program: Path = PEER, **options: Any) -> AsyncIterator[Process]:
    """A process, which is killed in the end."""
    command = (sys.executable, str(program), node_id, json.dumps(options))
    pipe = asyncio.subprocess.PIPE
    peer = Process(node_id, await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe))
    try:
        peer.host = options.get("host", peer.host)
        peer.port = int((await peer.says("port ")).split()[1])
        yield peer
    finally:
        if peer.process.returncode is None:
            peer.process.kill()
        await peer.process.communicate()


def caller(lane: str, idle: float = 30.0, **options: Any) -> Node:
    """A node that calls others over one lane, once."""
    transport = GrpcTransport(lanes=only(lane), idle_timeout=idle)
    return Node("trainer", "trainer", transport, heartbeat=False, retry=False, **options)

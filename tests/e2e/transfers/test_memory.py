"""What transfers take of the memory of both sides, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from oiafed_rpc import Node, Proxy

from tests.e2e.transfers.peer import PIECE
from tests.e2e.transfers.peers import LANES, SHARED, SOCKET, STREAM, caller, started

MB = 1 << 20
SIZE = 256 * MB
MAPPED = 128 * MB
LIMIT = 512 * MB
FILE = int(os.environ.get("OIAFED_FILE_MB", "512")) * MB
"""Bytes of a file that does not fit into what its sender and its receiver may have: 8 GB for `make test-slow`."""

ALLOWED = {STREAM: 64 * MB, SOCKET: 32 * MB, SHARED: 32 * MB}
"""What a transfer may take beside the payload. gRPC has some messages under way, whose memory the C library keeps."""


class Pair:
    """A process that sends, one that receives, and what tells both what to do."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def sender(self) -> Proxy:
        return self.node.get_proxy("sender").with_options(timeout=600)

    @property
    def receiver(self) -> Proxy:
        return self.node.get_proxy("receiver").with_options(timeout=600)

    async def begin(self) -> list[int]:
        """The memory of both, from which on the most that they have is counted."""
        told = [await each.call("memory", reset=True) for each in (self.sender, self.receiver)]
        return [now for now, _ in told]

    async def most(self, begun: list[int]) -> list[int]:
        """How many bytes more they had since."""
        told = [await each.call("memory", reset=False) for each in (self.sender, self.receiver)]
        return [most - before for (_, most), before in zip(told, begun, strict=True)]


@asynccontextmanager
async def pair(lane: str, **options: Any) -> AsyncIterator[Pair]:
    lanes = {"socket": lane == SOCKET, "shared_memory": lane == SHARED}
    async with (
        started("sender", lanes=lanes, **options) as sender,
        started("receiver", lanes=lanes, **options) as receiver,
        caller(STREAM) as node,
    ):
        await asyncio.gather(node.connect(sender.address), node.connect(receiver.address))
        await node.get_proxy("sender").call("connect", address=receiver.address)
        yield Pair(node)


@pytest.mark.parametrize("lane", LANES)
async def test_a_payload_is_in_memory_once_on_each_side(lane: str, tmp_path: Path) -> None:
    copy = SIZE if lane == SHARED else 0  # which both sides have together
    allowed = ALLOWED[lane]
    async with pair(lane) as both:
        begun = await both.begin()
        await both.sender.call("push_file", target="receiver", path=str(_file(tmp_path, MAPPED)))
        sent, received = await both.most(begun)
        assert sent < min(allowed, MAPPED // 2) + (MAPPED if copy else 0)
        assert received < MAPPED + allowed

        await both.sender.call("prepare", size=SIZE)
        begun = await both.begin()
        assert await both.sender.call("push", target="receiver")
        sent, received = await both.most(begun)
        assert sent < allowed + copy
        assert received < SIZE + allowed

        await both.sender.call("forget")
        made = await both.receiver.call("prepare", size=SIZE)
        begun = await both.begin()
        assert await both.sender.call("pull", target="receiver", size=SIZE) == made
        received, sent = await both.most(begun)
        assert sent < allowed + copy
        assert SIZE - MB < received < SIZE + allowed


def _file(folder: Path, size: int) -> Path:
    """A file of zeros, none of which takes room on the disk."""
    path = folder / "weights"
    with path.open("wb") as file:
        file.truncate(size)
    return path


@pytest.mark.timeout(1200)
async def test_a_file_larger_than_the_memory_of_both(tmp_path: Path) -> None:
    path = _file(tmp_path, FILE)
    async with pair(SOCKET, data_limit=LIMIT) as both:
        begun = await both.begin()
        pieces, total = await both.sender.call("fold_file", target="receiver", path=str(path))
        assert (pieces, total) == (FILE // PIECE, FILE)
        assert max(await both.most(begun)) < 64 * MB


async def test_a_handler_that_reads_nothing_stops_its_caller() -> None:
    item, count = np.zeros(4 * MB, np.uint8), 32
    made: asyncio.Queue[int] = asyncio.Queue()

    async def items() -> AsyncIterator[Any]:
        for number in range(count):
            made.put_nowait(number)
            yield item

    async with started("receiver", lanes={"shared_memory": False}) as receiver, caller(SOCKET) as node:
        await node.connect(receiver.address)
        proxy = node.get_proxy("receiver").with_options(timeout=60)
        before, _ = await proxy.call("memory", reset=True)
        waiting = asyncio.create_task(proxy.call("wait", items=items()))
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(made.get(), 1.0)
        now, _ = await proxy.call("memory", reset=False)
        assert now - before < 6 * item.nbytes
        await proxy.call("release")
        assert await waiting == count * item.nbytes
        _, most = await proxy.call("memory", reset=False)
        assert made.qsize() > count - 6
        assert most - before < 6 * item.nbytes

"""A node in a process of its own, which the tests of transfers call, and have call others: `peer.py NODE_ID OPTIONS`.

The options are JSON: `host`, `port`, `idle`, `lanes` and `data_limit`, bytes of RLIMIT_DATA.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from oiafed_rpc import GrpcTransport, Node, pieces
from oiafed_rpc.config import LanesConfig

PIECE = 8 << 20


def noise(size: int, seed: int = 0) -> Any:
    """Bytes that no compression makes fewer."""
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def digest(value: Any) -> str:
    """What tells bytes from others."""
    return xxhash.xxh3_64_hexdigest(memoryview(np.ascontiguousarray(value)).cast("B"))


def memory(reset: bool = False) -> tuple[int, int]:
    """Bytes of memory that the process has now, and the most that it had since it was last reset."""
    gc.collect()
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return int(told["VmRSS"].split()[0]) << 10, int(told["VmHWM"].split()[0]) << 10


def mapped(path: str) -> Any:
    """The bytes of a file, of which only those are in memory that are looked at."""
    return np.memmap(path, np.uint8, "r")


class Peer:
    """What the tests call."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.kept: list[Any] = []
        self.go_on = asyncio.Event()

    async def connect(self, address: str) -> None:
        await self.node.connect(address)

    def prepare(self, size: int) -> str:
        """Make bytes to send, before memory is looked at."""
        value = noise(size)
        self.kept = [value, digest(value)]
        return digest(value)

    async def push(self, target: str) -> bool:
        """Have another node take them."""
        value, expected = self.kept
        return bool(await self.node.get_proxy(target).call("digest", value=value) == expected)

    async def pull(self, target: str, size: int) -> str:
        """Fetch bytes of another node."""
        return digest(await self.node.get_proxy(target).call("give", size=size))

    async def push_file(self, target: str, path: str) -> str:
        """Have another node take the bytes of a file."""
        return str(await self.node.get_proxy(target).call("digest", value=mapped(path)))

    async def fold_file(self, target: str, path: str) -> list[int]:
        """Have another node fold the bytes of a file, which it is sent in pieces."""

        async def items() -> AsyncIterator[Any]:
            for piece in pieces(mapped(path), PIECE):
                yield piece

        proxy = self.node.get_proxy(target).with_options(timeout=1000)
        return list(await proxy.call("fold", items=items()))

    def digest(self, value: Any) -> str:
        return digest(value)

    def give(self, size: int) -> Any:
        return self.kept[0][:size]

    def noise(self, size: int, seed: int) -> Any:
        return noise(size, seed)

    def mirror(self, value: Any) -> Any:
        return value

    async def fold(self, items: AsyncIterator[Any]) -> list[int]:
        count = total = 0
        async for item in items:
            count, total = count + 1, total + int(item[::4096].sum()) + item.nbytes
        return [count, total]

    async def wait(self, items: AsyncIterator[Any]) -> int:
        """Take items once `release` is called."""
        await self.go_on.wait()
        total = 0
        async for item in items:
            total += item.nbytes
        return total

    def release(self) -> None:
        self.go_on.set()

    def forget(self) -> None:
        self.kept = []

    def memory(self, reset: bool) -> tuple[int, int]:
        return memory(reset)


class _Told(logging.Handler):
    """The log, for the test to wait on."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), flush=True)


async def main(node_id: str, options: dict[str, Any]) -> None:
    """Answer until it is killed."""
    if "data_limit" in options:
        resource.setrlimit(resource.RLIMIT_DATA, (options["data_limit"], options["data_limit"]))
    transport = GrpcTransport(
        options.get("host", "127.0.0.1"),
        options.get("port", 0),
        lanes=LanesConfig(**options.get("lanes", {})),
        idle_timeout=options.get("idle", 30.0),
    )
    node = Node(node_id, "learner", transport, heartbeat=False, retry=False)
    peer = Peer(node)
    for name in [name for name in vars(Peer) if not name.startswith("_")]:
        node.register_handler(name, getattr(peer, name), unpack=True)
    logger = logging.getLogger("oiafed_rpc")
    logger.addHandler(_Told())
    logger.setLevel(logging.INFO)
    async with node:
        print("port", transport.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))

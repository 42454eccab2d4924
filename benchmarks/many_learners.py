"""A trainer with many learners that only dial out: its memory, how long they take to connect, how fast they all answer.

The learners share a few processes; each has a connection and streams of its own, as it would have on a machine of its
own. The trainer is this process, and does nothing else. Memory is the growth of its resident set from before the first
learner to when all are connected and idle, through the learners alone: what the first call of all loads is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import time
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from pathlib import Path

from federation.v1 import LearnerCollection
from oiafed_rpc import GrpcTransport, Node

from benchmarks.children import child
from benchmarks.small_calls import Learner

ROUNDS = 5
_PATIENCE = 300.0  # seconds for all to connect
_FILES = 8192
_PAGE = resource.getpagesize()


async def _learn(pipe: Connection, trainer: str, names: list[str]) -> None:
    """Dial the trainer as many nodes, some at a time."""
    turns = asyncio.Semaphore(16)
    async with AsyncExitStack() as stack:

        async def join(name: str) -> None:
            node = Node(name, "learner", GrpcTransport(), connect_timeout=_PATIENCE)
            node.register(Learner())
            async with turns:
                await stack.enter_async_context(node)
                await node.connect(trainer)

        async with asyncio.TaskGroup() as joining:
            for name in names:
                joining.create_task(join(name))
        await asyncio.to_thread(pipe.poll, None)


def _learners(pipe: Connection, trainer: str, names: list[str]) -> None:
    """Serve until the parent hangs up."""
    _allow_files()
    asyncio.run(_learn(pipe, trainer, names))


def _allow_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES if most < 0 else min(_FILES, most), most))


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


async def measure(count: int, processes: int) -> None:
    """Connect, broadcast, and print what came of it."""
    transport = GrpcTransport("127.0.0.1", 0)
    async with Node("trainer", "trainer", transport) as trainer, AsyncExitStack() as stack:
        address = f"trainer@127.0.0.1:{transport.port}"
        await stack.enter_async_context(child(_learners, address, ["first"]))
        await trainer.wait_for_peers(role="learner", timeout=_PATIENCE)
        learners = trainer.get_collection(LearnerCollection)
        await learners.describe()
        before, began = _resident(), time.perf_counter()
        for number in range(processes):
            names = [f"learner_{each}" for each in range(number, count, processes)]
            await stack.enter_async_context(child(_learners, address, names))
        await trainer.wait_for_peers(role="learner", count=count + 1, timeout=_PATIENCE)
        connected = time.perf_counter() - began
        idle = (_resident() - before) / count
        took: list[float] = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await learners.with_options(timeout=_PATIENCE).describe()
            took.append(time.perf_counter() - began)
        print(f"learners that dial out        {count:,} in {processes} processes")
        print(f"connected within              {connected:.1f} s, with the start of their processes")
        print(f"memory of the trainer         {idle / 1000:.0f} kB for each that is idle")
        print(
            f"small broadcast to all        {statistics.median(took):.2f} s  (min {min(took):.2f}, max {max(took):.2f})"
        )
        busy = (_resident() - before) / count
        print(f"after {ROUNDS} broadcasts            {busy / 1000:.0f} kB for each")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_learners", description=__doc__)
    parser.add_argument("--learners", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--processes", type=int, default=4, help="how many processes they share (default: 4)")
    arguments = parser.parse_args()
    _allow_files()
    asyncio.run(measure(arguments.learners, arguments.processes))


if __name__ == "__main__":
    main()

"""A process of a benchmark: one side of one contender, told on its input what to do, a line of JSON each.

It answers on its output in the same way, and ends when its input does. Run as `python -m benchmarks.bulk.worker NAME`.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from benchmarks.bulk import payloads, usage
from benchmarks.bulk.contenders import make
from benchmarks.bulk.contenders.base import Account, Contender
from benchmarks.bulk.ticker import Ticker


class Side:
    """The commands."""

    def __init__(self, name: str) -> None:
        self._contender: Contender = make(name)
        self._payload: Any = None
        self._prepared: tuple[int, str] | None = None
        self._receivers = 1
        self._ticker: Ticker | None = None

    async def serve(self, index: int) -> str:
        """Serve; returns the address."""
        return await self._contender.serve(index)

    async def connect(self, addresses: list[str]) -> None:
        """Connect to the servers."""
        self._receivers = len(addresses)
        await self._contender.connect(addresses)

    async def prepare(self, nbytes: int, kind: str = "random") -> None:
        """Make what is to be sent, where it is not there."""
        if self._prepared == (nbytes, kind):
            return
        await self.release()
        self._prepared = (nbytes, kind)
        self._payload = self._contender.payload(payloads.make(kind, nbytes, Path(tempfile.gettempdir())))

    async def release(self) -> None:
        """Forget it."""
        self._payload = self._prepared = None

    async def account(self) -> Account | None:
        """How it travels."""
        return await self._contender.account(self._payload)

    async def fold(self) -> float:
        """Have it folded, in pieces; returns the seconds.

        Raises:
            ValueError: where not all of it arrived.
        """
        nbytes, _ = self._prepared or (0, "")
        numbers, count = nbytes // 4, -(-(nbytes // 4) // payloads.PIECE)
        began = time.perf_counter()
        folded = await self._contender.fold(self._payload, payloads.PIECE)
        took = time.perf_counter() - began
        if folded != [count * (count + 1) / 2, numbers]:
            raise ValueError(f"{folded} arrived, of {numbers} numbers in {count} pieces")
        return took

    async def move(self, way: str, repeats: int) -> list[list[float]]:
        """Seconds and CPU seconds of each repeat of `small`, `send`, `echo` or `broadcast`."""
        contender = self._contender
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            "small": contender.small,
            "send": lambda: contender.send(self._payload),
            "echo": lambda: contender.echo(self._payload),
            "broadcast": lambda: contender.broadcast(self._payload, self._receivers),
        }
        return [await self._timed(ways[way]) for _ in range(repeats)]

    async def _timed(self, action: Callable[[], Awaitable[None]]) -> list[float]:
        cpu, began = usage.cpu_seconds(), time.perf_counter()
        await action()
        return [time.perf_counter() - began, usage.cpu_seconds() - cpu]

    async def mark(self) -> int:
        """Begin to look for the most memory that is used; returns what is used now."""
        usage.forget_peak()
        return usage.memory("VmRSS")

    async def peak(self) -> int:
        """The most memory that has been used."""
        return usage.memory("VmHWM")

    async def watch(self) -> None:
        """Begin to look for gaps of the event loop."""
        self._ticker = Ticker()

    async def gap(self) -> float:
        """The longest gap since, in seconds."""
        ticker, self._ticker = self._ticker, None
        return await ticker.stop() if ticker is not None else 0.0

    async def mixed(self, repeats: int) -> list[float]:
        """Send so many times while small calls are made; the seconds of these."""
        moving = asyncio.ensure_future(self.move("send", repeats))
        took: list[float] = []
        while not moving.done():
            took.append((await self._timed(self._contender.small))[0])
            await asyncio.sleep(0.005)
        await moving
        return took


def _commands(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[str]) -> None:
    """Hand on each line; the end of the input is the end of the process, whatever it is doing."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(queue.put_nowait, line)
    os._exit(0)


async def _work(name: str, answers: int) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()
    threading.Thread(target=_commands, args=(asyncio.get_running_loop(), queue), daemon=True).start()
    side: Side | None = None
    while True:
        request = json.loads(await queue.get())
        try:
            side = side or Side(name)
            answer = {"value": await getattr(side, request.pop("do"))(**request)}
        except Exception as error:  # told to the process that asks
            answer = {"error": f"{type(error).__name__}: {error}"}
        os.write(answers, json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Work until the input ends."""
    limit = int(os.environ.get("BENCH_DATA_LIMIT", "0"))
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    asyncio.run(_work(sys.argv[1], answers))


if __name__ == "__main__":
    main()

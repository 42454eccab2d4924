"""The nodes that have opened streams to this one, to be called over."""

from __future__ import annotations

import asyncio
from typing import Protocol

from oiafed_rpc.transport.grpc.dial_out.lines import Line, Lines

KEEP_ALIVE = 20.0
"""Seconds between two signs of life on a stream: ordinary proxies end one on which nothing moves for a minute."""

_MOST = 256  # streams of one node


class Arrived(Protocol):
    """Is told of a node."""

    async def __call__(self, lines: Lines, *, again: bool) -> None:
        """Learn of the first stream of a node; `again` where there were some before, and none for a while."""
        ...


class Departed(Protocol):
    """Is told of a node."""

    async def __call__(self, lines: Lines) -> None:
        """Learn that no stream of a node is left."""
        ...


class Arrivals:
    """The streams of all nodes.

    Args:
        arrived: Is told of each node that can be called from now on.
        departed: Is told of each node that can't be any more.
    """

    def __init__(self, arrived: Arrived, departed: Departed) -> None:
        self._arrived = arrived
        self._departed = departed
        self._of: dict[str, Lines] = {}
        self._living: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take streams."""
        self._living = asyncio.create_task(self._keep_alive(), name="oiafed-dial-out-alive")

    async def last(self, node_id: str, incarnation: str, line: Line) -> None:
        """Let calls go over a stream for as long as it lasts."""
        if self._living is None:
            return  # this node stops
        lines = self._of.get(node_id)
        fresh = lines is None or lines.closed or lines.incarnation != incarnation
        if lines is None or fresh:
            lines = self._of[node_id] = Lines(node_id, incarnation)
        if len(lines) >= _MOST:
            return
        again = not fresh and not len(lines)
        lines.add(line)
        if fresh or again:
            await self._arrived(lines, again=again)
        try:
            await line.last(lines)
        finally:
            lines.remove(line)
            if not len(lines):
                await self._departed(lines)
                if lines.closed and self._of.get(node_id) is lines:
                    del self._of[node_id]

    def forget(self, lines: Lines) -> None:
        """Let go of a node; its next stream is the first again."""
        lines.close()
        if self._of.get(lines.node_id) is lines:
            del self._of[lines.node_id]

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE)
            for lines in tuple(self._of.values()):
                await lines.keep_alive()

    async def stop(self) -> None:
        """End all streams."""
        living, self._living = self._living, None
        for lines in tuple(self._of.values()):
            self.forget(lines)
        if living is not None:
            living.cancel()
            await asyncio.wait([living])

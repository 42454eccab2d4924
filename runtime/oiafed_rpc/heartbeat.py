"""Noticing peers that have died without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.log import logger

Ping = Callable[[], Awaitable[None]]
"""Asks a peer for a sign of life; raises RpcError where it gives none. It is cancelled when it takes too long."""

Told = Callable[[str], None]
"""Is told the id of a peer."""

_STANDSTILL = 0.1  # of the timeout: a timer that is so late shows that this process stood still, and not only a moment


@dataclass(slots=True, eq=False)
class _Watched:
    peer: str
    ping: Ping
    last_seen: float
    lost: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class HeartbeatManager:
    """Asks each peer for a sign of life, and tells when one is lost and when it is back.

    Time in which this process itself stood still does not count against a peer.

    Args:
        interval: Seconds between two pings of a peer.
        timeout: Seconds without an answer after which a peer is lost. It is pinged all the same, and may recover.
        clock: What tells the time.

    Raises:
        ValueError: where the interval is not above 0, or the timeout not above the interval.
    """

    def __init__(
        self,
        interval: float = 30.0,
        timeout: float = 90.0,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if not 0 < interval < timeout:
            raise ValueError(f"interval must be above 0 and timeout above it, not {interval!r} and {timeout!r}")
        self.interval = interval
        self.timeout = timeout
        self._clock = clock
        self._told: tuple[Told, Told] | None = None
        self._watched: dict[str, _Watched] = {}

    def tell(self, lost: Told, recovered: Told) -> None:
        """Have one function told of each peer that is lost, the other of each that answers again.

        Raises:
            RpcError: FAILED_PRECONDITION where it tells another node already.
        """
        if self._told is not None:
            raise RpcError(Code.FAILED_PRECONDITION, "this HeartbeatManager is another node's: make one for each node")
        self._told = (lost, recovered)

    def watch(self, peer: str, ping: Ping) -> None:
        """Begin to ping a peer that is there now; it takes the place of one of the same id."""
        self.unwatch(peer)
        watched = _Watched(peer, ping, self._clock.time())
        watched.task = asyncio.create_task(self._beat(watched), name=f"oiafed-heartbeat {peer}")
        self._watched[peer] = watched

    def unwatch(self, peer: str) -> None:
        """Leave a peer alone; harmless where it is not watched."""
        watched = self._watched.pop(peer, None)
        if watched is not None and watched.task is not None and watched.task is not asyncio.current_task():
            watched.task.cancel()

    def probe(self, peer: str) -> None:
        """Ping a peer now: there is reason to doubt that it is there. Without an answer it is lost at once."""
        watched = self._watched.get(peer)
        if watched is not None:
            watched.asked.set()

    def is_lost(self, peer: str) -> bool:
        """Whether a peer does not answer."""
        watched = self._watched.get(peer)
        return watched is not None and watched.lost

    def last_seen(self, peer: str) -> float | None:
        """When a peer answered last, on the clock; None for one that is not watched."""
        watched = self._watched.get(peer)
        return None if watched is None else watched.last_seen

    async def stop(self) -> None:
        """Leave all peers alone."""
        tasks = [each.task for each in self._watched.values() if each.task is not None]
        for peer in tuple(self._watched):
            self.unwatch(peer)
        if tasks:
            await asyncio.wait(tasks)

    async def _beat(self, watched: _Watched) -> None:
        while True:
            doubted = await self._pause(watched)
            if await self._answers(watched):
                watched.last_seen = self._clock.time()
                self._tell(watched, lost=False)
            elif doubted or self._left(watched) <= 0:
                self._tell(watched, lost=True)

    async def _pause(self, watched: _Watched) -> bool:
        """Wait until the next ping is due; whether a peer is in doubt, and is to be pinged at once."""
        pause = self.interval if watched.lost else min(self.interval, self._left(watched))
        doubted = await self._first(watched, watched.asked.wait(), pause)
        watched.asked.clear()
        return doubted

    def _left(self, watched: _Watched) -> float:
        """Seconds until a silent peer is lost."""
        return max(0.0, watched.last_seen + self.timeout - self._clock.time())

    async def _answers(self, watched: _Watched) -> bool:
        """Whether a peer gives a sign of life before it is lost; a lost one has until the next ping is due."""
        patience = self.interval if watched.lost else self._left(watched)
        answer = asyncio.create_task(_answered(watched), name=f"oiafed-ping {watched.peer}")
        try:
            await self._first(watched, asyncio.wait([answer]), patience)
            return answer.done() and answer.result()
        finally:
            answer.cancel()
            await asyncio.wait([answer])

    async def _first(self, watched: _Watched, awaited: Awaitable[object], seconds: float) -> bool:
        """Wait for something, but no longer than some time on the clock; whether it came.

        A wait in which this process stood still does not count against the peer, whose answer could not reach us.
        """
        began = self._clock.time()
        waiting = asyncio.ensure_future(awaited)
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((waiting, sleeping), return_when=asyncio.FIRST_COMPLETED)
            took = self._clock.time() - began
            if not waiting.done() and took - seconds > _STANDSTILL * self.timeout:
                watched.last_seen += took
            return waiting.done()
        finally:
            for each in (waiting, sleeping):
                each.cancel()
            await asyncio.wait((waiting, sleeping))

    def _tell(self, watched: _Watched, *, lost: bool) -> None:
        if watched.lost is lost or self._watched.get(watched.peer) is not watched:
            return
        watched.lost = lost
        if self._told is not None:
            self._told[0 if lost else 1](watched.peer)


async def _answered(watched: _Watched) -> bool:
    try:
        await watched.ping()
    except RpcError as error:
        logger.debug("peer %r did not answer a heartbeat: %s", watched.peer, error)
        return False
    except Exception:
        logger.exception("peer %r could not be asked for a heartbeat", watched.peer)
        return False
    return True

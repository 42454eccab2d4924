"""Who is there: the nodes that a node is connected to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """A connected node.

    Attributes:
        node_id: Its id.
        role: The role that it gave.
        incarnation: What tells this start of the node from its former ones.
        address: Where it is reached: `host:port`, or `memory`.
    """

    node_id: str
    role: str
    incarnation: str
    address: str


class Peers(Mapping[str, Peer]):
    """Node id → peer. Safe to use from several event loops.

    Args:
        parts: Other tables whose peers are these as well, the first that has one winning.
    """

    def __init__(self, *parts: Peers) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._own: dict[str, Peer] = {}
        self._watchers: list[Callable[[], None]] = []

    def __getitem__(self, node_id: str) -> Peer:
        for part in self._parts:
            if node_id in part:
                return part[node_id]
        return self._own[node_id]

    def __iter__(self) -> Iterator[str]:
        together = dict.fromkeys(node_id for part in self._parts for node_id in part)
        return iter(together | dict.fromkeys(self._own.copy()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._own or any(node_id in part for part in self._parts)

    def snapshot(self) -> dict[str, Peer]:
        """The peers as they are now."""
        together: dict[str, Peer] = {}
        for part in reversed(self._parts):
            together |= part.snapshot()
        with self._lock:
            return self._own | together

    def add(self, peer: Peer) -> None:
        """Note a peer, in place of an older entry of the same id."""
        with self._lock:
            self._own[peer.node_id] = peer
        self._notify()

    def remove(self, node_id: str) -> None:
        """Forget a peer, if it is known."""
        with self._lock:
            self._own.pop(node_id, None)
        self._notify()

    def _notify(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on the peers holds; it is checked at once and after each change."""
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # that loop has closed, and with it whoever waited
                loop.call_soon_threadsafe(changed.set)

        self._watch(notify)
        try:
            while not condition():
                await changed.wait()
                changed.clear()
        finally:
            self._unwatch(notify)

    def _watch(self, watcher: Callable[[], None]) -> None:
        for part in self._parts:
            part._watch(watcher)
        with self._lock:
            self._watchers.append(watcher)

    def _unwatch(self, watcher: Callable[[], None]) -> None:
        for part in self._parts:
            part._unwatch(watcher)
        with self._lock:
            self._watchers.remove(watcher)

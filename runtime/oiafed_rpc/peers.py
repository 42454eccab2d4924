"""Who is there: the nodes that a node is connected to."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Peer:
    """A node that this one is connected to.

    Attributes:
        node_id: Its id.
        role: The role that it gave.
        epoch: What tells this start of the node from its former ones.
        address: Where it is reached: `host:port`, `unix:/path`, or `memory`.
        state: `connected`, or `lost` while it does not answer heartbeats.
        last_seen: When it answered last, on the clock of `time.monotonic`, in seconds.
    """

    node_id: str
    role: str
    epoch: str
    address: str
    state: Literal["connected", "lost"] = "connected"
    last_seen: float = field(default_factory=time.monotonic, compare=False)


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
        self.notify()

    def remove(self, node_id: str) -> None:
        """Forget a peer, if it is known."""
        with self._lock:
            self._own.pop(node_id, None)
        self.notify()

    def clear(self) -> None:
        """In a child of the process: forget all, and tell nobody."""
        self._lock = threading.Lock()
        self._own.clear()
        self._watchers.clear()

    def notify(self) -> None:
        """Tell who watches to look again: something about a peer has changed."""
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

        self.watch(notify)
        try:
            while not condition():
                await changed.wait()
                changed.clear()
        finally:
            self.unwatch(notify)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call a function after each change, from whatever thread makes it."""
        for part in self._parts:
            part.watch(watcher)
        with self._lock:
            self._watchers.append(watcher)

    def unwatch(self, watcher: Callable[[], None]) -> None:
        """Undo `watch`."""
        for part in self._parts:
            part.unwatch(watcher)
        with self._lock:
            self._watchers.remove(watcher)

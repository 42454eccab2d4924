"""What a node tells its application of its peers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, get_args

from oiafed_rpc.log import logger
from oiafed_rpc.peers import Peer

Event: TypeAlias = Literal["connected", "lost", "recovered", "left"]
"""`connected`: a peer is there. `lost`: it does not answer. `recovered`: it answers again. `left`: it has stopped."""

Callback: TypeAlias = Callable[[Peer], Awaitable[None] | None]
"""Is told of a peer; a coroutine runs in a task of its own."""

EVENTS: tuple[str, ...] = get_args(Event)


class Events:
    """Callbacks by event. One that fails is logged, and the others are called all the same."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callback]] = {event: [] for event in EVENTS}
        self._running: set[asyncio.Future[Any]] = set()

    def on(self, event: str, callback: Callback) -> Callable[[], None]:
        """Have a callback called for an event; what is returned takes it back.

        Raises:
            ValueError: for an event that there is not.
        """
        if event not in self._callbacks:
            raise ValueError(f"there is no event {event!r}: {', '.join(EVENTS)}")
        callbacks = self._callbacks[event]
        callbacks.append(callback)
        return lambda: callbacks.remove(callback) if callback in callbacks else None

    def emit(self, event: Event, peer: Peer) -> None:
        """Call what wants to know of an event, on the running event loop."""
        for callback in tuple(self._callbacks[event]):
            try:
                result = callback(peer)
            except Exception:
                logger.exception("a callback for %r failed", event)
                continue
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(_watched(event, result))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def spare(self) -> None:
        """Let the callback that asks for this go on beyond `stop`, which it waits for itself."""
        task = asyncio.current_task()
        if task is not None:
            self._running.discard(task)

    async def stop(self) -> None:
        """End the coroutines that are still running."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


async def _watched(event: str, result: Awaitable[None]) -> None:
    try:
        await result
    except Exception:
        logger.exception("a callback for %r failed", event)

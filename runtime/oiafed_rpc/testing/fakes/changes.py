"""Waiting for what another task, or another thread, brings about."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable


class Changes:
    """Tells those who wait for a condition to look again: tasks of any event loop, and threads."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._watchers: list[Callable[[], None]] = []

    def notify(self) -> None:
        """Have all who wait look again."""
        with self._condition:
            self._condition.notify_all()
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher()

    async def until(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until a condition holds, at most `timeout` seconds; whether it does."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def look_again() -> None:
            with contextlib.suppress(RuntimeError):  # that loop has closed, and with it whoever waited
                loop.call_soon_threadsafe(changed.set)

        with self._condition:
            self._watchers.append(look_again)
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            return condition()
        finally:
            with self._condition:
                self._watchers.remove(look_again)
        return True

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """`until` for a thread."""
        with self._condition:
            return self._condition.wait_for(condition, timeout)

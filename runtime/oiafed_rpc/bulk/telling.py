"""Telling the other side what has become of transfers, so that it need not hold them for longer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from oiafed_rpc.bulk.calls import BulkCalls
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.errors import RpcError

_SECONDS = 5.0  # that telling may take
_LAST_SECONDS = 0.5  # that it may still take once the channel is closed


class Telling:
    """Tells the other side of a channel of transfers that have ended. Whoever has ended them does not wait for it."""

    def __init__(self) -> None:
        self._telling: set[asyncio.Task[None]] = set()
        self._closed = False

    def drop(self, calls: BulkCalls, transfer_id: bytes) -> None:
        """Have a transfer dropped; harmless where it is not there."""
        self.begin(calls.drop(transfer_id))

    def begin(self, telling: Coroutine[Any, Any, None]) -> None:
        """Tell, for a few seconds at most, whatever comes of it."""
        if self._closed:
            telling.close()
            return
        task = asyncio.create_task(_within_seconds(telling), name="oiafed-transfer-told")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def when_dead(self, outgoing: Outgoing, calls: BulkCalls, transfer_id: bytes) -> Callable[[], object]:
        """Have a transfer dropped once nothing here has it any more: its call was given up, and is not made again.

        Args:
            outgoing: The transfer.
            calls: What tells of it.
            transfer_id: What the other side knows it by.

        Returns:
            What takes this back.
        """
        loop = asyncio.get_running_loop()
        ended = weakref.finalize(outgoing, _soon, loop, functools.partial(self.drop, calls, transfer_id))
        ended.atexit = False
        return ended.detach

    async def close(self) -> None:
        """End; what was begun a moment ago may still be told."""
        self._closed = True
        if self._telling:
            _, late = await asyncio.wait(tuple(self._telling), timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has closed
        loop.call_soon_threadsafe(function)


async def _within_seconds(telling: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(RpcError, TimeoutError):  # then the other side lets go when its patience ends
        async with asyncio.timeout(_SECONDS):
            await telling

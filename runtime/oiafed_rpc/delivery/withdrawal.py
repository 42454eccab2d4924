"""Telling a node that a call which it remembers was given up: for it, that looks like a link that broke."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from oiafed_rpc.errors import RpcError
from oiafed_rpc.lasting import apart_from_calls
from oiafed_rpc.message import Message
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.system.types import CancelRequest

_SECONDS = 5.0  # that telling may take
_LAST_SECONDS = 0.5  # that it may still take once the node stops


class Withdrawals:
    """The calls that were given up. Whoever gives one up does not wait until that is told.

    Args:
        proxy: Makes the proxy of a node by its id.
    """

    def __init__(self, proxy: Callable[[str], NodeProxy]) -> None:
        self._proxy = proxy
        self._telling: set[asyncio.Task[None]] = set()

    def begin(self, request: Message) -> None:
        """Have a call cancelled where it runs."""
        self._begin(request.target, request.call_id)

    def _begin(self, target: str, call_id: str) -> None:
        telling = self._tell(target, call_id)
        task = apart_from_calls(asyncio.create_task, telling, name="oiafed-call-given-up")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, target: str, call_id: str) -> None:
        proxy = self._proxy(target).with_options(retry=False, timeout=_SECONDS)
        with contextlib.suppress(RpcError):  # then the node ends the call when its patience does
            await proxy.cancel(CancelRequest(call_id=call_id))

    async def close(self, targets: Iterable[str]) -> None:
        """Give up all calls to some nodes, and end; what was begun a moment ago may still be told."""
        for target in targets:
            self._begin(target, "")
        if self._telling:
            _, late = await asyncio.wait(tuple(self._telling), timeout=_LAST_SECONDS)
            for task in late:
                task.cancel()

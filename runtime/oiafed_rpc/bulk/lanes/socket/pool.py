"""The connections of a lane that are kept for the next transfer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.lasting import apart_from_calls

_KEPT = 30.0  # seconds that a connection is kept for
_MOST = 8


class Lines:
    """Connections to one node: each transfer has one to itself; up to eight are kept for half a minute.

    Args:
        dial: Makes one.
    """

    def __init__(self, dial: Callable[[], Awaitable[Line]]) -> None:
        self._dial = dial
        self._free: dict[Line, asyncio.Handle] = {}
        self._used: set[Line] = set()
        self._closed = False

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[Line, None]:
        """A connection; one over which something went wrong is not used again."""
        line = self._kept() or await self._dialed()
        self._used.add(line)
        try:
            yield line
        except BaseException:
            line.close()
            raise
        else:
            self._keep(line)
        finally:
            self._used.discard(line)

    def close(self) -> None:
        """Close those that are free, and abort what runs over the others."""
        self._closed = True
        for line in tuple(self._free):
            self._drop(line)
        for line in self._used:
            line.abort()

    def _kept(self) -> Line | None:
        """The one used last that is still good: the other side says nothing unasked, but may have gone."""
        while self._free:
            line, timer = self._free.popitem()
            timer.cancel()
            if not line.readable():
                return line
            line.close()
        return None

    async def _dialed(self) -> Line:
        if self._closed:
            raise ConnectionError("the connection to the node has been closed")
        line = await self._dial()
        if self._closed:
            line.close()
            raise ConnectionError("the connection to the node has been closed")
        return line

    def _keep(self, line: Line) -> None:
        if self._closed or len(self._free) >= _MOST:
            line.close()
            return
        self._free[line] = apart_from_calls(asyncio.get_running_loop().call_later, _KEPT, self._drop, line)

    def _drop(self, line: Line) -> None:
        self._free.pop(line).cancel()
        line.close()

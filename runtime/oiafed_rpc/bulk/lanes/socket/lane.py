"""The lane of large payloads between machines: a connection of its own, whose bytes move outside the GIL."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

from typing_extensions import override

from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.bulk.lanes.socket.operations import pull, push
from oiafed_rpc.bulk.lanes.socket.pool import Lines
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing


class SocketLane(Lane):
    """Carries transfers over connections of their own: TCP, TLS, or a Unix socket.

    Args:
        dial: Makes a connection; LaneUnfit where there is none to be had.
    """

    name = "socket"

    def __init__(self, dial: Callable[[], Awaitable[Line]]) -> None:
        self._lines = Lines(dial)

    @override
    async def push(self, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
        async with self._lines.use() as line:
            line.idle = meter.idle
            await line.run(functools.partial(push, line, outgoing, meter, resume=resume))

    @override
    async def pull(self, incoming: Incoming, meter: Meter) -> None:
        async with self._lines.use() as line:
            line.idle = meter.idle
            await line.run(functools.partial(pull, line, incoming, incoming.begin(line.abort), meter))

    @override
    async def close(self) -> None:
        self._lines.close()

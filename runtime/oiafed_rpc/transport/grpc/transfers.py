"""What a node needs to move the large payloads of its calls, as it is configured."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from oiafed_rpc.bulk.allocator import keep_chunks
from oiafed_rpc.bulk.calls import Sender
from oiafed_rpc.bulk.courier import Courier
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.lanes.choice import Dial, LaneKind
from oiafed_rpc.bulk.lanes.shared_memory import admission
from oiafed_rpc.bulk.lanes.shared_memory.lane import SharedMemoryLane
from oiafed_rpc.bulk.lanes.shared_memory.listening import SharedMemoryListener
from oiafed_rpc.bulk.lanes.shared_memory.segments import Segments
from oiafed_rpc.bulk.lanes.socket import dialing
from oiafed_rpc.bulk.lanes.socket.lane import SocketLane
from oiafed_rpc.bulk.lanes.socket.listening import SocketListener
from oiafed_rpc.bulk.lanes.socket.operations import operations
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.bulk.service import BulkService
from oiafed_rpc.config import LanesConfig, TlsConfig
from oiafed_rpc.endpoint import Endpoint


class Transfers:
    """Moves the large payloads of one node's calls.

    Args:
        endpoint: The node's; it is given the methods that move them.
        config: The lanes that there are.
        tls: What the node proves itself with, and whom it trusts; None for plain text.
        idle: Seconds that a transfer may stand still.

    Attributes:
        depot: Where the transfers of its callers are.
    """

    def __init__(self, endpoint: Endpoint, config: LanesConfig, tls: TlsConfig | None, idle: float) -> None:
        keep_chunks()
        self._limit = endpoint.wire.max_message_size
        self._config = config
        self._tls = tls
        self._idle = idle
        self._segments = Segments()
        self._offered: dict[str, SocketListener | SharedMemoryListener] = {}
        limits = endpoint.limits.config
        self.depot = Depot(self._limit, idle, most=limits.transfers, memory=limits.transfer_memory or self._limit)
        endpoint.draining.afterwards.append(self.depot.until_fetched)
        endpoint.register(BulkService(self.depot, self._offered, idle), by_name=False)

    def offer(self, host: str | None) -> None:
        """Offer lanes to those who call this node; each listens once it is asked for.

        Args:
            host: Where the node listens; None where it is called over streams that it opens.
        """
        if self._config.shared_memory:
            self._offered[SharedMemoryLane.name] = SharedMemoryListener(self.depot, Tickets(), self._segments)
        if self._config.socket and host is not None:
            port, answers = self._config.socket_port, operations(self.depot)
            self._offered[SocketLane.name] = SocketListener(
                SocketLane.name, host, port, Tickets(), answers, tls=self._tls, idle=self._idle
            )

    def courier(self, host: str | None, expected: str, sender: Sender) -> Courier:
        """What moves the transfers of the calls over a channel.

        Args:
            host: Where the channel leads; None where that can't be reached.
            expected: Whom the certificate at the other end must be for.
            sender: The channel.
        """
        return Courier(sender, list(self._openable(host, expected)), self._limit, self._idle)

    def _openable(self, host: str | None, expected: str) -> Iterator[LaneKind]:
        """The lanes that may be opened beside a channel, the best first."""
        if self._config.shared_memory:
            yield LaneKind(SharedMemoryLane.name, self._shared_memory, admission.connect)
        if self._config.socket and host is not None:
            dial = functools.partial(dialing.connect, host=host, tls=self._tls, expected=expected, idle=self._idle)
            yield LaneKind(SocketLane.name, SocketLane, dial)

    def _shared_memory(self, dial: Dial) -> Lane:
        return SharedMemoryLane(dial, self._segments)

    async def stop(self) -> None:
        """Offer nothing more, and give back all that is held; the channels are closed by then."""
        while self._offered:
            await self._offered.popitem()[1].stop()
        self.depot.clear()
        segments, self._segments = self._segments, Segments()
        await segments.close()

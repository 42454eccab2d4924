"""The lanes that a gRPC transport offers and opens beside its connections, as it is configured."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.lanes.choice import LaneKind
from oiafed_rpc.bulk.lanes.dialing import connect
from oiafed_rpc.bulk.lanes.listening import LaneListener
from oiafed_rpc.bulk.lanes.operations import operations
from oiafed_rpc.bulk.lanes.socket import SocketLane
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.config import LanesConfig, TlsConfig


def offered(
    config: LanesConfig, depot: Depot, host: str, tls: TlsConfig | None, idle: float
) -> Mapping[str, LaneListener]:
    """The lanes that a node offers, by name; each listens once it is asked for.

    Args:
        config: Which there are.
        depot: Where the transfers are.
        host: Where the node's server listens.
        tls: What it proves itself with; None for plain text.
        idle: Seconds that a transfer may stand still.
    """
    lanes: dict[str, LaneListener] = {}
    if config.socket:
        lanes[SocketLane.name] = LaneListener(
            SocketLane.name, host, config.socket_port, Tickets(), operations(depot), tls=tls, idle=idle
        )
    return lanes


def openable(config: LanesConfig, host: str, tls: TlsConfig | None, expected: str, idle: float) -> Sequence[LaneKind]:
    """The lanes that may be opened beside a channel, the best first.

    Args:
        config: Which there are.
        host: Where the channel leads.
        tls: What proves this side and whom it trusts; None for plain text.
        expected: Whom the certificate at the other end must be for.
        idle: Seconds that a transfer may stand still.
    """
    kinds: list[LaneKind] = []
    if config.socket:
        dial = functools.partial(connect, host=host, tls=tls, expected=expected, idle=idle)
        kinds.append(LaneKind(SocketLane.name, SocketLane, dial))
    return kinds

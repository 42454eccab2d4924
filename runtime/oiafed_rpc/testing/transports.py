"""The transports that a test's federation can run on."""

from __future__ import annotations

from collections.abc import Callable

from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.memory import MemoryNetwork, MemoryTransport


def maker(name: str) -> Callable[[], Transport]:
    """What makes the transports of one federation, which reach each other and no others.

    Args:
        name: `memory`, `serialized` or `grpc`.

    Raises:
        ValueError: It is none of these.
    """
    match name:
        case "memory" | "serialized":
            network = MemoryNetwork()
            return lambda: MemoryTransport(network, serialize=name == "serialized")
        case "grpc":
            from oiafed_rpc.transport.grpc import GrpcTransport  # importing gRPC takes longer than all the rest

            return lambda: GrpcTransport("127.0.0.1", 0)
        case _:
            raise ValueError(f"there is no transport {name!r}: take memory, serialized or grpc")

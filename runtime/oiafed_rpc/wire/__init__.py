"""Requests, replies and errors as headers and bytes, for the transports that carry bytes.

docs/wire.md specifies them. The gRPC transport and memory with serialization are built on this, and so can yours be.
"""

from oiafed_rpc.wire.bodies import DEFAULT_MAX_MESSAGE_SIZE, Wire

__all__ = ["DEFAULT_MAX_MESSAGE_SIZE", "Wire"]

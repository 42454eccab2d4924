"""Calls between processes and machines, as ordinary gRPC."""

from oiafed_rpc.transport.grpc.transport import GrpcTransport

__all__ = ["GrpcTransport"]

"""oiafed-rpc: code-generated RPC for federated learning, in memory or over gRPC."""

from typing import TYPE_CHECKING, Any

from oiafed_rpc.collection import Broadcast, BroadcastStream, ProxyCollection, Replies, Reply
from oiafed_rpc.config import Address, NodeConfig, TlsConfig
from oiafed_rpc.context import Call, current_call
from oiafed_rpc.errors import (
    AuthError,
    Code,
    ConfigError,
    DeclaredError,
    MaxRetriesExceeded,
    OutcomeUnknown,
    PartialFailure,
    RetriableError,
    RpcError,
)
from oiafed_rpc.handlers import Handler
from oiafed_rpc.heartbeat import HeartbeatManager
from oiafed_rpc.interceptors import (
    AuthInterceptor,
    CallNext,
    CompressionInterceptor,
    Context,
    Interceptor,
    LoggingInterceptor,
    Side,
)
from oiafed_rpc.message import Identity, Message
from oiafed_rpc.node import Node
from oiafed_rpc.peers import Peer
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.records import Empty, OpenEnum, Record, Tensor, Tensors
from oiafed_rpc.requests import RequestStream
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.serializer import (
    JsonSerializer,
    PickleSerializer,
    ProtoSerializer,
    Serializer,
    SerializerError,
    Serializers,
)
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.memory import MemoryNetwork, MemoryTransport

if TYPE_CHECKING:
    from oiafed_rpc.transport.auto import AutoTransport
    from oiafed_rpc.transport.grpc import GrpcTransport

__all__ = [
    "Address",
    "AuthError",
    "AuthInterceptor",
    "AutoTransport",
    "Broadcast",
    "BroadcastStream",
    "Call",
    "CallNext",
    "Code",
    "CompressionInterceptor",
    "ConfigError",
    "Context",
    "DeclaredError",
    "Empty",
    "GrpcTransport",
    "Handler",
    "HeartbeatManager",
    "Identity",
    "Interceptor",
    "JsonSerializer",
    "LoggingInterceptor",
    "MaxRetriesExceeded",
    "MemoryNetwork",
    "MemoryTransport",
    "Message",
    "Node",
    "NodeConfig",
    "OpenEnum",
    "OutcomeUnknown",
    "PartialFailure",
    "Peer",
    "PickleSerializer",
    "ProtoSerializer",
    "Proxy",
    "ProxyCollection",
    "Record",
    "Replies",
    "Reply",
    "RequestStream",
    "RetriableError",
    "RetryPolicy",
    "RpcError",
    "Serializer",
    "SerializerError",
    "Serializers",
    "Side",
    "Tensor",
    "Tensors",
    "TlsConfig",
    "Transport",
    "current_call",
]


def __getattr__(name: str) -> Any:
    """Import what needs gRPC when it is first used: a node in memory starts without."""
    if name == "GrpcTransport":
        from oiafed_rpc.transport.grpc import GrpcTransport

        return GrpcTransport
    if name == "AutoTransport":
        from oiafed_rpc.transport.auto import AutoTransport

        return AutoTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

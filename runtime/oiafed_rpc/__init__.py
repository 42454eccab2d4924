"""oiafed-rpc: code-generated RPC for federated learning, in memory or over gRPC."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oiafed_rpc.broadcast import Broadcast, BroadcastStream
    from oiafed_rpc.bulk.meter import Transfer
    from oiafed_rpc.collection import ProxyCollection
    from oiafed_rpc.config import Address, LimitsConfig, MethodLimitConfig, NodeConfig, TlsConfig
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
        Superseded,
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
    from oiafed_rpc.reconnecting import ReconnectPolicy
    from oiafed_rpc.records import Empty, OpenEnum, Record, Tensor, Tensors
    from oiafed_rpc.replies import Replies, Reply
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
    from oiafed_rpc.slicing import pieces
    from oiafed_rpc.transport.auto import AutoTransport
    from oiafed_rpc.transport.base import Transport
    from oiafed_rpc.transport.grpc import GrpcTransport
    from oiafed_rpc.transport.memory import MemoryNetwork, MemoryTransport

_MODULES = {
    "broadcast": "Broadcast BroadcastStream",
    "bulk.meter": "Transfer",
    "collection": "ProxyCollection",
    "config": "Address LimitsConfig MethodLimitConfig NodeConfig TlsConfig",
    "context": "Call current_call",
    "errors": (
        "AuthError Code ConfigError DeclaredError MaxRetriesExceeded OutcomeUnknown PartialFailure RetriableError "
        "RpcError Superseded"
    ),
    "handlers": "Handler",
    "heartbeat": "HeartbeatManager",
    "interceptors": "AuthInterceptor CallNext CompressionInterceptor Context Interceptor LoggingInterceptor Side",
    "message": "Identity Message",
    "node": "Node",
    "peers": "Peer",
    "proxy": "Proxy",
    "records": "Empty OpenEnum Record Tensor Tensors",
    "reconnecting": "ReconnectPolicy",
    "replies": "Replies Reply",
    "requests": "RequestStream",
    "retry": "RetryPolicy",
    "serializer": "JsonSerializer PickleSerializer ProtoSerializer Serializer SerializerError Serializers",
    "slicing": "pieces",
    "transport.auto": "AutoTransport",
    "transport.base": "Transport",
    "transport.grpc": "GrpcTransport",
    "transport.memory": "MemoryNetwork MemoryTransport",
}
"""The names that each module has for users."""

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
    "LimitsConfig",
    "LoggingInterceptor",
    "MaxRetriesExceeded",
    "MemoryNetwork",
    "MemoryTransport",
    "Message",
    "MethodLimitConfig",
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
    "ReconnectPolicy",
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
    "Superseded",
    "Tensor",
    "Tensors",
    "TlsConfig",
    "Transfer",
    "Transport",
    "current_call",
    "pieces",
]

_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import each when it is first used: a node in memory starts without gRPC, and the plugin of pytest without all."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""From a configuration to the parts of a node: the one place that knows every transport and interceptor."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from oiafed_rpc.config import InterceptorConfig, NodeConfig, TransportConfig
from oiafed_rpc.errors import ConfigError
from oiafed_rpc.heartbeat import HeartbeatManager
from oiafed_rpc.interceptors import AuthInterceptor, CompressionInterceptor, Interceptor, LoggingInterceptor
from oiafed_rpc.reconnecting import ReconnectPolicy
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.serializer import JsonSerializer, PickleSerializer, ProtoSerializer, Serializer, Serializers
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.memory import MemoryTransport

_SERIALIZERS: dict[str, Callable[[TransportConfig], Serializer]] = {
    PickleSerializer.name: lambda transport: PickleSerializer(transport.pickle_allow),
    JsonSerializer.name: lambda _: JsonSerializer(),
    ProtoSerializer.name: lambda _: ProtoSerializer(),
}
_INTERCEPTORS: dict[str, type[Interceptor]] = {
    "logging": LoggingInterceptor,
    "auth": AuthInterceptor,
    "compression": CompressionInterceptor,
}


def assemble(config: NodeConfig) -> dict[str, Any]:
    """The arguments that `Node` is made with.

    Raises:
        ConfigError: where a class that the configuration names can't be made.
    """
    return {
        "node_id": config.node.id,
        "role": config.node.role,
        "transport": _transport(config),
        "connect_to": config.connect_to,
        "interceptors": [_interceptor(each, index) for index, each in enumerate(config.transport.interceptors)],
        "serializers": _serializers(config),
        "retry": RetryPolicy.from_config(config.retry),
        "delivery": config.delivery,
        "reconnect": ReconnectPolicy.from_config(config.reconnect),
        "heartbeat": config.heartbeat.enabled and HeartbeatManager(config.heartbeat.interval, config.heartbeat.timeout),
        "connect_timeout": config.timeout.connect,
        "request_timeout": config.timeout.request,
        "grace": config.timeout.grace,
        "max_message_size": config.transport.max_message_size,
        "limits": config.limits,
        "debug": config.node.debug,
    }


def _transport(config: NodeConfig) -> Transport:
    transport, faults = _sound_transport(config), config.transport.faults
    if faults is None:
        return transport
    from oiafed_rpc.testing.faults import FaultTransport  # what is for tests

    return FaultTransport(transport, faults)


def _sound_transport(config: NodeConfig) -> Transport:
    mode = config.transport.mode
    if mode == "memory":
        return MemoryTransport()
    if ":" in mode:
        made = _make(_load(mode, "transport.mode"), {}, "transport.mode")
        if not isinstance(made, Transport):
            raise _no_subclass(mode, "Transport", "transport.mode")
        return made
    from oiafed_rpc.transport.auto import AutoTransport  # importing gRPC takes longer than all the rest
    from oiafed_rpc.transport.grpc import GrpcTransport

    listen = config.listen
    grpc = GrpcTransport(
        listen.host if listen else None,
        listen.port if listen else 0,
        timeout=config.timeout.request,
        tls=config.transport.tls,
        lanes=config.transport.lanes,
        idle_timeout=config.timeout.idle,
        dial_out=config.transport.dial_out,
    )
    return AutoTransport(grpc) if mode == "auto" else grpc


def _serializers(config: NodeConfig) -> Serializers:
    transport = config.transport

    def named(name: str, place: str) -> Serializer:
        if name in _SERIALIZERS:
            return _SERIALIZERS[name](transport)
        made = _make(_load(name, place), {}, place)
        if not isinstance(made, Serializer):
            raise _no_subclass(name, "Serializer", place)
        return made

    accepted = [named(name, f"transport.accept[{index}]") for index, name in enumerate(transport.accept)]
    sends = transport.serializer
    default = named(sends or PickleSerializer.name, "transport.serializer")
    if sends:
        accepted.append(default)  # whoever sends with it reads it
    try:
        return Serializers(default, accepted, typed=default.name if sends else ProtoSerializer.name)
    except ValueError as error:
        raise ConfigError(f"transport.serializer: {error}") from None


def _interceptor(config: InterceptorConfig, index: int) -> Interceptor:
    place = f"transport.interceptors[{index}]"
    kind = _INTERCEPTORS.get(config.type) or _load(config.type, f"{place}.type")
    made = _make(kind, config.options, place)
    if not isinstance(made, Interceptor):
        raise _no_subclass(config.type, "Interceptor", f"{place}.type")
    return made


def _load(name: str, place: str) -> Callable[..., Any]:
    """What `module:Class` names."""
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"{place}: cannot import {module!r}: {error}") from error
    except AttributeError:
        raise ConfigError(f"{place}: module {module!r} has no {attribute!r}") from None
    if not callable(found):
        raise ConfigError(f"{place}: {name} is no class")
    made: Callable[..., Any] = found
    return made


def _make(kind: Callable[..., Any], options: Mapping[str, Any], place: str) -> Any:
    signature = inspect.signature(kind)
    try:
        signature.bind(**options)
    except TypeError as error:
        takes = ", ".join(str(each.replace(annotation=each.empty)) for each in signature.parameters.values())
        raise ConfigError(f"{place}: {error}; beside its type it takes ({takes})") from None
    try:
        return kind(**options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{place}: {error}") from error


def _no_subclass(name: str, base: str, place: str) -> ConfigError:
    return ConfigError(f"{place}: {name} is not a subclass of oiafed_rpc.{base}")

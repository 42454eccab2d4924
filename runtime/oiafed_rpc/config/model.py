"""All that can be configured. A key that stands here works; every other key is an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from typing_extensions import override

from oiafed_rpc.config import rules
from oiafed_rpc.config.address import Address, address
from oiafed_rpc.config.document import read
from oiafed_rpc.config.environment import fill
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rules import Rule, choice, each, mapping
from oiafed_rpc.config.section import Section, parse

_mode = choice("auto", "memory", "grpc")
_serializer = choice("pickle", later=("proto", "json"))
_accepted = choice("pickle", "proto", later=("json",))
_interceptor_type = choice("logging", "auth", later=("compression",))


class InterceptorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An interceptor and the arguments that it is made with.

    Attributes:
        type: `logging`, `auth`, or a class as `module:Class`.
        options: Its other keys. They may hold secrets, so the repr shows their names alone.
    """

    type: str
    options: Mapping[str, Any] = {}

    @override
    def __repr__(self) -> str:
        hidden = ", ".join(f"{key}=..." for key in self.options)
        return f"InterceptorConfig(type={self.type!r}, options={{{hidden}}})"


def _interceptor(value: object) -> InterceptorConfig:
    if isinstance(value, InterceptorConfig):
        return value
    options = mapping(value, "{type: logging}")
    if options.get("type") is None:
        raise InvalidError({("type",): "is missing: write {type: logging} or {type: module:Class}"})
    try:
        return InterceptorConfig(type=_interceptor_type(options.pop("type")), options=options)
    except InvalidError as error:
        raise InvalidError(error.under("type")) from None


class IdentityConfig(Section, frozen=True, kw_only=True):
    """Who a node is.

    Attributes:
        id: Its name, which no other node of the federation has.
        role: What it does, such as `trainer`.
    """

    example: ClassVar[str] = "{id: trainer, role: trainer}"

    id: Annotated[str, Rule(rules.name)]
    role: Annotated[str, Rule(rules.name)]


class ListenConfig(Section, frozen=True, kw_only=True):
    """Where a node accepts connections.

    Attributes:
        host: The address to listen on; `0.0.0.0` is every one of the machine.
        port: The TCP port; 0 takes any free one.
    """

    example: ClassVar[str] = "{host: 0.0.0.0, port: 50051}"

    host: Annotated[str, Rule(rules.host)] = "127.0.0.1"
    port: Annotated[int, Rule(rules.port)]


class TransportConfig(Section, frozen=True, kw_only=True):
    """How calls travel.

    Attributes:
        mode: `memory`, `grpc`, a class as `module:Class`, or `auto`: memory for a node of the same process, else gRPC.
        serializer: What schema-less calls are sent with: `pickle`, or a class as `module:Class`.
        accept: What this node reads, whatever it sends with.
        pickle_allow: Further classes that pickle may load, such as `mypackage.*`.
        interceptors: What every call passes through, in this order on its way out.
        max_message_size: The most bytes of one request or reply, written as a number or as `16GiB`, `512MB`.
    """

    example: ClassVar[str] = "{mode: auto}"
    later: ClassVar[tuple[str, ...]] = ("tls",)

    mode: Annotated[str, Rule(_mode)] = "auto"
    serializer: Annotated[str, Rule(_serializer)] = "pickle"
    accept: Annotated[tuple[str, ...], Rule(each(_accepted))] = ("proto", "pickle")
    pickle_allow: Annotated[tuple[str, ...], Rule(each(rules.pattern))] = ()
    interceptors: Annotated[tuple[InterceptorConfig, ...], Rule(each(_interceptor))] = ()
    max_message_size: Annotated[int, Rule(rules.size)] = 16 << 30


class TimeoutConfig(Section, frozen=True, kw_only=True):
    """How long to wait.

    Attributes:
        connect: Seconds for a peer to be there.
        request: Seconds for a call whose schema gives no timeout of its own.
    """

    example: ClassVar[str] = "{connect: 10, request: 60}"

    connect: Annotated[float, Rule(rules.seconds)] = 10.0
    request: Annotated[float, Rule(rules.seconds)] = 60.0


class NodeConfig(Section, frozen=True, kw_only=True):
    """The configuration of one node.

    Attributes:
        node: Who it is.
        listen: Where it accepts connections; None for a node that only dials out.
        connect_to: The nodes that it connects to when it starts, written `id@host:port`.
        transport: How calls travel.
        timeout: How long to wait.
    """

    example: ClassVar[str] = "{node: {id: trainer, role: trainer}}"
    later: ClassVar[tuple[str, ...]] = ("retry", "heartbeat")

    node: IdentityConfig
    listen: ListenConfig | None = None
    connect_to: Annotated[tuple[Address, ...], Rule(each(address))] = ()
    transport: TransportConfig = TransportConfig()
    timeout: TimeoutConfig = TimeoutConfig()

    @classmethod
    def load(
        cls,
        source: str | os.PathLike[str] | Mapping[str, object] | NodeConfig,
        environ: Mapping[str, str] | None = None,
    ) -> NodeConfig:
        """Read a configuration: a YAML file by its path, the same as a mapping, or a NodeConfig as it is.

        `${VAR}` and `${VAR:-default}` in its strings are filled from the environment; `$${` stands for a literal `${`.

        Args:
            source: Where the configuration is.
            environ: The variables to fill in; by default those of the process.

        Raises:
            ConfigError: with every problem, one on a line, each with its place and what to do about it. Values from
                the environment are not shown.
        """
        if isinstance(source, NodeConfig):
            return source
        document = read(source)
        data, missing = fill(document.data, environ)
        try:
            config, wrong = parse(cls, data), dict[Path, str]()
        except InvalidError as error:
            config, wrong = None, error.problems
        problems = wrong | missing | document.problems
        if config is None or problems:
            raise document.error(problems) from None
        return config

    @override
    def conflicts(self) -> dict[Path, str]:
        """Each peer once, and not oneself."""
        seen: set[str] = set()
        problems: dict[Path, str] = {}
        for index, peer in enumerate(self.connect_to):
            if peer.node_id == self.node.id:
                problems["connect_to", index] = f"{peer.node_id!r} is this node itself: remove it"
            elif peer.node_id in seen:
                problems["connect_to", index] = f"{peer.node_id!r} is listed twice: keep one of them"
            seen.add(peer.node_id)
        return problems

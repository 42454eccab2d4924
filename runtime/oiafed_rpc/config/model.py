"""All that can be configured. A key that stands here works; every other key is an error."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from typing_extensions import override

from oiafed_rpc.config import place, rules
from oiafed_rpc.config.address import Address, address
from oiafed_rpc.config.environment import fill
from oiafed_rpc.config.files import relative_to
from oiafed_rpc.config.limits import LimitsConfig
from oiafed_rpc.config.place import NO_PORT, PORTS, is_unix, port_conflicts
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.reliability import DeliveryConfig, HeartbeatConfig, ReconnectConfig, RetryConfig, TimeoutConfig
from oiafed_rpc.config.rule import Schema
from oiafed_rpc.config.rules import each
from oiafed_rpc.config.section import Section, parse
from oiafed_rpc.config.transport import TransportConfig


class IdentityConfig(Section, frozen=True, kw_only=True):
    """Who a node is.

    Attributes:
        id: Its name, which no other node of the federation has.
        role: What it does, such as `trainer`.
        debug: Whether the errors of its handlers carry their traceback to the caller. It tells callers of the code
            and may tell of data: for development.
    """

    example: ClassVar[str] = "{id: trainer, role: trainer}"

    id: Annotated[str, rules.name]
    role: Annotated[str, rules.name]
    debug: Annotated[bool, rules.truth] = False


class ListenConfig(Section, frozen=True, kw_only=True):
    """Where a node accepts connections.

    Attributes:
        host: The address to listen on; `0.0.0.0` is every one of the machine; `unix:/run/node.sock` is a Unix socket,
            by its absolute path.
        port: The TCP port; 0 takes any free one. Left out with a Unix socket, where it reads 0.
    """

    example: ClassVar[str] = "{host: 0.0.0.0, port: 50051}"
    together: ClassVar[Schema] = PORTS

    host: Annotated[str, place.host] = "127.0.0.1"
    port: Annotated[int, place.port] = NO_PORT

    @override
    def conflicts(self) -> dict[Path, str]:
        """A Unix socket has no port; everything else needs one."""
        problems = port_conflicts(self.host, self.port)
        if not problems and is_unix(self.host):
            msgspec.structs.force_setattr(self, "port", 0)
        return problems


class NodeConfig(Section, frozen=True, kw_only=True):
    """The configuration of one node.

    Attributes:
        node: Who it is.
        listen: Where it accepts connections; None for a node that only dials out.
        connect_to: The nodes that it connects to when it starts, written `id@host:port`.
        transport: How calls travel.
        timeout: How long to wait.
        retry: How a call is tried again that failed in a way that another attempt may mend.
        delivery: How a call survives a connection that breaks.
        reconnect: How a node that was connected is dialled again.
        heartbeat: How it learns that a peer is lost.
        limits: How much it takes on at a time.
    """

    example: ClassVar[str] = "{node: {id: trainer, role: trainer}}"

    node: IdentityConfig
    listen: ListenConfig | None = None
    connect_to: Annotated[tuple[Address, ...], each(address)] = ()
    transport: TransportConfig = TransportConfig()
    timeout: TimeoutConfig = TimeoutConfig()
    retry: RetryConfig = RetryConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    reconnect: ReconnectConfig = ReconnectConfig()
    heartbeat: HeartbeatConfig = HeartbeatConfig()
    limits: LimitsConfig = LimitsConfig()

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
        from oiafed_rpc.config.document import read  # yaml, where it is needed

        document = read(source)
        data, missing = fill(document.data, environ)
        try:
            with relative_to(document.folder):
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

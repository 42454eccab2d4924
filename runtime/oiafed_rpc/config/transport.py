"""How the calls of a node travel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from typing_extensions import override

from oiafed_rpc.config import place, rules
from oiafed_rpc.config.faults import FaultPlan
from oiafed_rpc.config.files import readable_file
from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import Rule, Schema, given
from oiafed_rpc.config.rules import choice, each, mapping
from oiafed_rpc.config.section import Section

_mode = choice("auto", "memory", "grpc")
_serializer = choice("pickle", "json", "proto")
_interceptor_type = choice("logging", "auth", "compression")


class InterceptorConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An interceptor and the arguments that it is made with.

    Attributes:
        type: `logging`, `auth`, `compression`, or a class as `module:Class`.
        options: Its other keys. They may hold secrets, so the repr shows their names alone.
    """

    type: str
    options: Mapping[str, Any] = {}

    @override
    def __repr__(self) -> str:
        hidden = ", ".join(f"{key}=..." for key in self.options)
        return f"InterceptorConfig(type={self.type!r}, options={{{hidden}}})"


def _check_interceptor(value: object) -> InterceptorConfig:
    if isinstance(value, InterceptorConfig):
        return value
    options = mapping(value, "{type: logging}")
    if options.get("type") is None:
        raise InvalidError({("type",): "is missing: write {type: logging} or {type: module:Class}"})
    try:
        return InterceptorConfig(type=_interceptor_type(options.pop("type")), options=options)
    except InvalidError as error:
        raise InvalidError(error.under("type")) from None


_interceptor = Rule(
    _check_interceptor,
    {"type": "object", "properties": {"type": _interceptor_type.schema}, "required": ["type"]},
)


class TlsConfig(Section, frozen=True, kw_only=True):
    """The keys and certificates of encrypted connections, PEM files. A relative path starts at the folder of the
    configuration's file, or at the working directory where there is none; here it is absolute.

    Attributes:
        cert: The certificate that this node shows, with its chain; with `key`.
        key: The private key of `cert`.
        ca: The certificates of the authorities that the others' certificates must come from.
    """

    example: ClassVar[str] = "{cert: node.crt, key: node.key, ca: ca.crt}"
    together: ClassVar[Schema] = {
        "anyOf": [given("ca"), given("cert")],
        "allOf": [
            {"if": given("cert"), "then": given("key")},
            {"if": given("key"), "then": given("cert")},
        ],
    }

    cert: Annotated[str | None, readable_file] = None
    key: Annotated[str | None, readable_file] = None
    ca: Annotated[str | None, readable_file] = None

    @override
    def conflicts(self) -> dict[Path, str]:
        """A certificate and its key go together, and something must be given."""
        if (self.cert is None) != (self.key is None):
            missing, there = ("cert", "key") if self.cert is None else ("key", "cert")
            return {(missing,): f"is missing: `{there}` is of no use without it"}
        if self.cert is None and self.ca is None:
            return {(): "needs at least `ca`, or `cert` and `key`; leave `tls` out for connections in the clear"}
        return {}


class LanesConfig(Section, frozen=True, kw_only=True):
    """How large payloads may travel beside the gRPC connection, which carries them where no lane here can.

    Attributes:
        socket: Over a connection of their own, encrypted as `tls` says.
        shared_memory: Through shared memory, where both nodes run on one host and as one user.
        socket_port: The TCP port on which this node accepts the connections of `socket`; 0 takes any free one.
    """

    example: ClassVar[str] = "{socket: true, shared_memory: false}"

    socket: Annotated[bool, rules.truth] = True
    shared_memory: Annotated[bool, rules.truth] = True
    socket_port: Annotated[int, place.port] = 0


class TransportConfig(Section, frozen=True, kw_only=True):
    """How calls travel.

    Attributes:
        mode: `memory`, `grpc`, a class as `module:Class`, or `auto`: memory for a node of the same process, else gRPC.
        serializer: What calls are sent with: `pickle`, `json`, `proto`, or a class as `module:Class`. When left out,
            schema-less calls use pickle and typed ones proto.
        accept: What this node reads, whatever it sends with.
        pickle_allow: Further classes that pickle may load, such as `mypackage.*`.
        interceptors: What every call passes through, in this order on its way out.
        tls: The keys and certificates of encrypted connections; without them, all travels in the clear.
        lanes: How large payloads may travel beside the gRPC connection.
        dial_out: Whether the nodes that this one connects to may call it over connections that it has opened. When left
            out, they may where it does not listen.
        max_message_size: The most bytes of one request or reply, written as a number or as `16GiB`, `512MB`.
        faults: What goes wrong on purpose with the calls that this node makes: for tests.
    """

    example: ClassVar[str] = "{mode: auto}"

    mode: Annotated[str, _mode] = "auto"
    serializer: Annotated[str | None, _serializer] = None
    accept: Annotated[tuple[str, ...], each(_serializer)] = ("proto", "json", "pickle")
    pickle_allow: Annotated[tuple[str, ...], each(rules.pattern)] = ()
    interceptors: Annotated[tuple[InterceptorConfig, ...], each(_interceptor)] = ()
    tls: TlsConfig | None = None
    lanes: LanesConfig = LanesConfig()
    dial_out: Annotated[bool | None, rules.truth] = None
    max_message_size: Annotated[int, rules.size] = 16 << 30
    faults: FaultPlan | None = None

"""The description of one method: all that the runtime knows of it, as a constant in generated code."""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from oiafed_rpc.codec.messages import MessageCodec, Params
from oiafed_rpc.errors import DeclaredError
from oiafed_rpc.records import Record

R = TypeVar("R")
Wrap: TypeAlias = Callable[[MessageCodec], MessageCodec]

SYSTEM_SERVICE = "/oiafed.v1.Node/"
"""What the paths of the methods begin with by which nodes know each other."""

_PROVIDED = (SYSTEM_SERVICE, "/oiafed.v1.Bulk/", "/oiafed.v1.DialOut/", "/grpc.")


class Kind(enum.Enum):
    """Which side of a call is a stream."""

    UNARY = "unary"
    SERVER_STREAM = "server stream"
    CLIENT_STREAM = "client stream"
    BIDI_STREAM = "two-way stream"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Method(Generic[R]):
    """One method of a role.

    Attributes:
        role: The role that implements it; empty for what carries schema-less calls.
        name: Its name in the schema; what a schema-less call names.
        path: Its gRPC path, `/package.Service/Method`.
        attribute: Its name in Python: `name`, unless that is a keyword or taken.
        kind: Which side is a stream.
        request: The payload: a record, a single value, or the parameters into which a request unpacks. Where the
            request is a stream: one item of it, or the parameters of which one is a stream.
        response: The result, or one item of it where it is a stream.
        timeout: Its default deadline, in seconds; None leaves it to the node's configuration.
        idempotent: Whether running it twice has the effect of running it once.
        callers: The roles that may call it; empty for all.
        errors: The errors that it declares.
        title: Its path without the leading slash: what people are shown.
        provided: Whether every node has it, whatever its schema.
        takes_stream: Whether the request is a stream.
        gives_stream: Whether the response is a stream.
        has_head: Whether the request has a payload of its own: all but a stream that is the only parameter.
        request_codec: Turns the payload to bytes and back.
        item_codec: Turns one item of a streamed request to bytes and back.
        response_codec: Turns the result, or one item of it, to bytes and back.
    """

    role: str
    name: str
    path: str
    attribute: str
    kind: Kind = Kind.UNARY
    request: type[Record] | MessageCodec
    response: type[Record] | MessageCodec
    timeout: float | None = None
    idempotent: bool = False
    callers: tuple[str, ...] = ()
    errors: tuple[type[DeclaredError], ...] = ()
    title: str = field(init=False)
    provided: bool = field(init=False)
    takes_stream: bool = field(init=False)
    gives_stream: bool = field(init=False)
    has_head: bool = field(init=False)
    request_codec: MessageCodec = field(init=False)
    item_codec: MessageCodec = field(init=False)
    response_codec: MessageCodec = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.path.removeprefix("/"))
        object.__setattr__(self, "provided", self.path.startswith(_PROVIDED))
        takes_stream = self.kind in (Kind.CLIENT_STREAM, Kind.BIDI_STREAM)
        object.__setattr__(self, "takes_stream", takes_stream)
        object.__setattr__(self, "gives_stream", self.kind in (Kind.SERVER_STREAM, Kind.BIDI_STREAM))
        object.__setattr__(self, "request_codec", _codec(self.request))
        item = self.request.item if isinstance(self.request, Params) else None
        object.__setattr__(self, "item_codec", item or self.request_codec)
        head = bool(self.request.head) if isinstance(self.request, Params) else not self.role
        object.__setattr__(self, "has_head", head or not takes_stream)
        object.__setattr__(self, "response_codec", _codec(self.response))

    def with_codecs(self, wrap_request: Wrap, wrap_response: Wrap) -> Method[R]:
        """The same method, whose bodies other codecs write and read: those that a function makes of its own."""
        method = copy.copy(self)
        object.__setattr__(method, "request_codec", wrap_request(self.request_codec))
        object.__setattr__(method, "item_codec", wrap_request(self.item_codec))
        object.__setattr__(method, "response_codec", wrap_response(self.response_codec))
        return method


def _codec(shape: type[Record] | MessageCodec) -> MessageCodec:
    if isinstance(shape, type):
        codec: MessageCodec = shape.__wire__
        return codec
    return shape

"""What travels beside a request: who calls whom, under `oiafed-*` keys, and the caller's own metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from oiafed_rpc.body import Body
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Arrival, Message
from oiafed_rpc.method import Method
from oiafed_rpc.wire.bodies import spec_of

PREFIX = "oiafed-"
ROUTE = "oiafed-route"
CALL_ID = "oiafed-call-id"
METHOD = "oiafed-method"
STREAM = "oiafed-stream"
SERIALIZER = "oiafed-serializer"
ENCODING = "oiafed-encoding"
UNPACKS = "oiafed-accept-encoding"

_MOST = 64
_LONGEST = 8192  # bytes in all: what gRPC servers take by default
_ROUTES = 1024  # a node has few peers, and each has one route to it

Headers = tuple[tuple[str, str], ...]


class Route(NamedTuple):
    """Who calls whom: one header, as it is the same for all calls between two nodes.

    Attributes:
        source: The id of the calling node.
        role: Its role, as it claims it.
        target: The id of the node that is called.
        accept: The serializers that it reads replies with.
        schema: What names the methods that the called node has told the calling one of.
        bulk: Whether the caller fetches large buffers that a reply has left out.
        ledger: What names the called node's memory of calls; empty for a call that need not be remembered.
    """

    source: str = ""
    role: str = ""
    target: str = ""
    accept: tuple[str, ...] = ()
    schema: str = ""
    bulk: bool = False
    ledger: str = ""


@lru_cache(_ROUTES)
def route_header(
    source: str,
    role: str,
    target: str,
    accept: tuple[str, ...],
    schema: str = "",
    *,
    bulk: bool = False,
    ledger: str = "",
) -> str:
    """A route as text: `source=trainer;role=trainer;target=learner_0;accept=pickle,json`, percent-encoded."""
    listed = ",".join(map(_quoted, accept))
    told = f";schema={_quoted(schema)}" if schema else ""
    fetched = ";bulk=1" if bulk else ""
    kept = f";ledger={_quoted(ledger)}" if ledger else ""
    who = f"source={_quoted(source)};role={_quoted(role)};target={_quoted(target)}"
    return f"{who};accept={listed}{told}{fetched}{kept}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


@lru_cache(_ROUTES)
def route_of(header: str) -> Route:
    """The route in a header. Each part may be left out; those that are not known are passed over."""
    parts = {key: value for key, _, value in (part.partition("=") for part in header.split(";"))}
    keys = ("source", "role", "target", "schema", "ledger")
    source, role, target, schema, ledger = (unquote(parts.get(key, "")) for key in keys)
    accept = tuple(unquote(name) for name in parts.get("accept", "").split(",") if name)
    return Route(source, role, target, accept, schema, parts.get("bulk") == "1", ledger)


def request_headers(message: Message, reads: Iterable[str], *, bulk: bool = False) -> Headers:
    """The headers of a request.

    Args:
        message: The request.
        reads: The serializers that replies may come in.
        bulk: Whether replies may leave large buffers out, to be fetched.
    """
    route = route_header(
        message.source, message.role, message.target, tuple(reads), message.schema, bulk=bulk, ledger=message.ledger
    )
    ours = [(ROUTE, route), (CALL_ID, message.call_id)]
    if not spec_of(message).role:
        ours.append((METHOD, _quoted(message.method)))
    if message.stream:
        ours.append((STREAM, _quoted(message.stream)))
    if message.serializer:
        ours.append((SERIALIZER, _quoted(message.serializer)))
    if message.compressor is not None:
        ours += (ENCODING, message.compressor.name), (UNPACKS, message.compressor.name)
    return (*ours, *message.metadata.items())


def request_from(
    path: str,
    spec: Method[object] | None,
    body: Body | AsyncIterator[Body],
    headers: Iterable[tuple[str, str | bytes]],
    node_id: str,
) -> Message:
    """The message of a request that arrived, its payload undecoded.

    Args:
        path: The path of the method.
        spec: Its description; None where this node has no such method.
        body: The body; the bodies as they come, where the request is a stream.
        headers: What came beside them.
        node_id: The node that it has arrived at.

    Raises:
        RpcError: RESOURCE_EXHAUSTED for too many or too long headers.
    """
    ours, theirs = _sorted(headers)
    route = route_of(ours.get(ROUTE, ""))
    dynamic = spec is not None and not spec.role
    method = unquote(ours.get(METHOD, "")) if dynamic else path.removeprefix("/")
    message = Message(method, route.source, route.target or node_id, None, theirs, ours.get(CALL_ID, ""))
    message.role = route.role
    message.schema = route.schema
    message.ledger = route.ledger
    message.spec = spec
    message.stream = unquote(ours.get(STREAM, "")) if dynamic else ""
    message.serializer = unquote(ours.get(SERIALIZER, ""))
    unpacks = ours.get(UNPACKS, "")
    message.arrival = Arrival(
        route.accept, tuple(unpacks.split(",")) if unpacks else (), ours.get(ENCODING, ""), route.bulk
    )
    message.undecoded = True
    if isinstance(body, Body):
        message.payload, message.buffers = body.data, body.buffers
    else:
        message.items = body
    return message


def title_from(path: str, spec: Method[object] | None, headers: Iterable[tuple[str, str | bytes]]) -> str:
    """What the log calls a request that arrives: its method, as its sender has written it."""
    named = METHOD if spec is not None and not spec.role else ""
    name = next((value for key, value in headers if key == named and isinstance(value, str)), path.removeprefix("/"))
    return f"the request of {name:.100}"


def _sorted(headers: Iterable[tuple[str, str | bytes]]) -> tuple[dict[str, str], dict[str, str]]:
    """The toolkit's own headers, and those of the caller."""
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    size = 0
    for key, value in headers:
        size += len(key) + len(value)
        if isinstance(value, str) and key != "user-agent":
            (ours if key.startswith(PREFIX) else theirs)[key] = value
    if size > _LONGEST or len(ours) + len(theirs) > _MOST:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"{len(ours) + len(theirs)} headers of {size:,} bytes: at most {_MOST} of {_LONGEST:,} are read",
        )
    return ours, theirs

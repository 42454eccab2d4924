"""What travels beside a request: who calls whom, under `oiafed-*` keys, and the caller's own metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote, unquote

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Arrival, Message
from oiafed_rpc.method import Method
from oiafed_rpc.wire.bodies import spec_of

PREFIX = "oiafed-"
_SOURCE = "oiafed-source"
_ROLE = "oiafed-role"
_TARGET = "oiafed-target"
_CALL_ID = "oiafed-call-id"
_READS = "oiafed-accept"
_METHOD = "oiafed-method"
_STREAM = "oiafed-stream"
_SERIALIZER = "oiafed-serializer"
ENCODING = "oiafed-encoding"
_UNPACKS = "oiafed-accept-encoding"

_MOST = 64
_LONGEST = 8192  # bytes in all: what gRPC servers take by default

Headers = tuple[tuple[str, str], ...]


def request_headers(message: Message, reads: Iterable[str]) -> Headers:
    """The headers of a request. Ids and names may hold any text, so they are percent-encoded.

    Args:
        message: The request.
        reads: The serializers that replies may come in.
    """
    ours = [
        (_SOURCE, quote(message.source)),
        (_ROLE, quote(message.role)),
        (_TARGET, quote(message.target)),
        (_CALL_ID, message.call_id),
        (_READS, quote(",".join(reads), safe=",")),
    ]
    if not spec_of(message).role:
        ours.append((_METHOD, quote(message.method)))
    if message.stream:
        ours.append((_STREAM, quote(message.stream)))
    if message.serializer:
        ours.append((_SERIALIZER, quote(message.serializer)))
    if message.compressor is not None:
        ours += (ENCODING, message.compressor.name), (_UNPACKS, message.compressor.name)
    return (*ours, *message.metadata.items())


def request_from(
    path: str,
    spec: Method[object] | None,
    body: bytes | AsyncIterator[bytes],
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
    dynamic = spec is not None and not spec.role
    message = Message(
        unquote(ours.get(_METHOD, "")) if dynamic else path.removeprefix("/"),
        unquote(ours.get(_SOURCE, "")),
        unquote(ours.get(_TARGET, "")) or node_id,
        None,
        theirs,
        ours.get(_CALL_ID, ""),
        role=unquote(ours.get(_ROLE, "")),
        spec=spec,
        stream=unquote(ours.get(_STREAM, "")),
        serializer=unquote(ours.get(_SERIALIZER, "")),
        arrival=Arrival(_listed(ours.get(_READS, "")), _listed(ours.get(_UNPACKS, "")), ours.get(ENCODING, "")),
        undecoded=True,
    )
    if isinstance(body, bytes):
        message.payload = body
    else:
        message.items = body
    return message


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, unquote(text).split(",")))

"""What travels beside a request: who calls whom, under `oiafed-*` keys, and the caller's own metadata."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from oiafed_rpc.message import Message
from oiafed_rpc.method import Method

_PREFIX = "oiafed-"
_SOURCE = "oiafed-source"
_ROLE = "oiafed-role"
_TARGET = "oiafed-target"
_CALL_ID = "oiafed-call-id"
_READS = "oiafed-accept"
_METHOD = "oiafed-method"


def request_metadata(message: Message, spec: Method[object], reads: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The gRPC metadata of a request. Ids and names may hold any text, so they are percent-encoded.

    Args:
        message: The request.
        spec: The description of its method.
        reads: The serializers that replies may come in.
    """
    ours = [
        (_SOURCE, quote(message.source)),
        (_ROLE, quote(message.role)),
        (_TARGET, quote(message.target)),
        (_CALL_ID, message.call_id),
    ]
    if reads:
        ours.append((_READS, quote(",".join(reads), safe=",")))
    if not spec.role:
        ours.append((_METHOD, quote(message.method)))
    return (*ours, *message.metadata.items())


def request_message(
    path: str, spec: Method[object] | None, body: bytes, metadata: Iterable[tuple[str, str | bytes]], node_id: str
) -> Message:
    """The message of a request that arrived, its payload undecoded."""
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for key, value in metadata:
        if isinstance(value, str) and key != "user-agent":
            (ours if key.startswith(_PREFIX) else theirs)[key] = value
    dynamic = spec is not None and not spec.role
    return Message(
        unquote(ours.get(_METHOD, "")) if dynamic else path.removeprefix("/"),
        unquote(ours.get(_SOURCE, "")),
        unquote(ours.get(_TARGET, "")) or node_id,
        body,
        theirs,
        ours.get(_CALL_ID, ""),
        role=unquote(ours.get(_ROLE, "")),
        reads=tuple(filter(None, unquote(ours.get(_READS, "")).split(","))),
        spec=spec,
        undecoded=True,
    )

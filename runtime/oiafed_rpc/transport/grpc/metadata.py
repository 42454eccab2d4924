"""What travels beside a request: who calls whom, under `oiafed-*` keys, and the caller's own metadata."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from oiafed_rpc.message import Message
from oiafed_rpc.method import Method

_PREFIX = "oiafed-"
_SOURCE, _ROLE, _TARGET, _CALL_ID, _METHOD = (
    _PREFIX + name for name in ("source", "role", "target", "call-id", "method")
)


def request_metadata(message: Message, spec: Method[object]) -> tuple[tuple[str, str], ...]:
    """The gRPC metadata of a request. Ids may hold any text, so they are percent-encoded."""
    ours = [
        (_SOURCE, quote(message.source)),
        (_ROLE, quote(message.role)),
        (_TARGET, quote(message.target)),
        (_CALL_ID, message.call_id),
    ]
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
        spec=spec,
        undecoded=True,
    )

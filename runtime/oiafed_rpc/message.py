"""The envelope of a call, the same on every transport and on both sides."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from oiafed_rpc.method import Method


class Encoded:
    """The bytes of a payload, made at most once and shared by the messages of one broadcast.

    Attributes:
        value: The payload that `data` encodes; compared by identity, so that a payload replaced on the way counts.
        data: Its bytes.
    """

    __slots__ = ("data", "value")

    def __init__(self) -> None:
        self.value: object = self
        self.data: bytes = b""


@dataclass(slots=True)
class Message:
    """A request or a reply.

    Attributes:
        method: `package.Service/Method` of a typed method, or the name of a schema-less one.
        source: The id of the node that sends it.
        target: The id of the node that it is for.
        payload: The parameters or the result. Replace it rather than change it in place: a broadcast shares it. On the
            receiving side of a transport that carries bytes, undecoded `bytes` until the interceptors are through.
        metadata: Text that travels along, by lowercase key.
        call_id: What tells this call from all others.
        deadline: When the call ends, on the clock of `time.monotonic`, in seconds; None for never.
        role: The role that the source claims.
        spec: The description of the method; None where the receiver knows no such method.
        reads: The serializers that the source reads replies with; empty where that is not known.
        encoded: A broadcast's shared encoding of its payload.
        undecoded: Whether the payload is still the peer's bytes.
    """

    method: str
    source: str
    target: str
    payload: Any
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    call_id: str = ""
    deadline: float | None = None
    role: str = ""
    spec: Method[Any] | None = None
    reads: tuple[str, ...] = ()
    encoded: Encoded | None = None
    undecoded: bool = False

    def reply(self, payload: Any) -> Message:
        """The answer to this message."""
        return Message(self.method, self.target, self.source, payload, {}, self.call_id, self.deadline)

    def time_left(self) -> float | None:
        """Seconds until the deadline, negative after it; None where there is none."""
        return None if self.deadline is None else self.deadline - time.monotonic()

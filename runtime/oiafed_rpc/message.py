"""The envelope of a call, the same on every transport and on both sides."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from oiafed_rpc.body import Body, Compressor
from oiafed_rpc.bulk.meter import Transfer
from oiafed_rpc.method import Method
from oiafed_rpc.serializer.base import Buffer
from oiafed_rpc.turns import Turn

if TYPE_CHECKING:
    from oiafed_rpc.bulk.outgoing import Outgoing
    from oiafed_rpc.delivery.memory import Attempt

_NOTHING = Body(b"")


class Encoded:
    """The body of a payload, made at most once and shared by the messages of one broadcast, and by repeated attempts.

    Attributes:
        value: The payload that `body` encodes; compared by identity, so that a payload replaced on the way counts.
        way: How it was encoded: by which serializer, made smaller by what, with its buffers left out or not.
        body: What it became.
        outgoing: The transfer of the buffers that the body has left out, once it is made.
        shared: Whether it is for several nodes.
        making: Held by whoever makes the body.
    """

    __slots__ = ("body", "making", "outgoing", "shared", "value", "way")

    def __init__(self, *, shared: bool = True) -> None:
        self.value: object = self
        self.way: tuple[str, Compressor | None, bool] = ("", None, False)
        self.body: Body = _NOTHING
        self.outgoing: Outgoing | None = None
        self.shared = shared
        self.making = asyncio.Lock()

    def keep(self, value: object, way: tuple[str, Compressor | None, bool], body: Body) -> None:
        """Keep a body instead of a former one."""
        self.value, self.way, self.body, self.outgoing = value, way, body, None


class Arrival(NamedTuple):
    """What a transport that carries bytes knows of a request beside the message itself.

    Attributes:
        reads: The serializers that the source reads replies with; empty where that is not known.
        unpacks: The compressions that it reads replies with.
        encoding: The compression that the request's bodies came with; empty for none.
        fetches: Whether the source fetches the large buffers that a reply has left out.
        remembers: Whether calls that come this way are remembered.
    """

    reads: tuple[str, ...] = ()
    unpacks: tuple[str, ...] = ()
    encoding: str = ""
    fetches: bool = False
    remembers: bool = False


def _no_metadata() -> dict[str, str]:
    return {}  # calling dict[str, str] takes six times as long


class Identity(NamedTuple):
    """What the certificate of a caller proves.

    Attributes:
        names: The ids that it may have: the certificate's common name and DNS names.
        roles: The roles that it may have; empty where the certificate names none, and binds to none.
    """

    names: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Message:
    """A request or a reply.

    Attributes:
        method: `package.Service/Method` of a typed method, or the name of a schema-less one.
        source: The id of the node that sends it.
        target: The id of the node that it is for.
        payload: The parameters or the result; of a reply that is a stream, an asynchronous iterator. Replace it rather
            than change it in place: a broadcast shares it. On the receiving side of a transport that carries bytes,
            undecoded `bytes` until the interceptors are through.
        metadata: Text that travels along, by lowercase key.
        call_id: What tells this call from all others.
        deadline: When the call ends, on the clock of `time.monotonic`, in seconds; None for never.
        role: The role that the source claims.
        spec: The description of the method; None where the receiver knows no such method.
        items: The items of a streamed request as they come; undecoded as the payload is.
        stream: The name of the parameter that `items` are, in a schema-less call.
        serializer: What the bodies are made with; empty for what the sender is configured for.
        encoded: A broadcast's shared encoding of its payload.
        compressor: What makes the bodies smaller, if anything.
        arrival: How the request came, where that was as bytes.
        undecoded: Whether the payload, and the items, are still the peer's bytes.
        buffers: The large buffers that an undecoded payload has left out.
        identity: Who the source has proved to be, by its certificate; None where it has shown none.
        schema: What names the methods that the target has told the source of; empty where it has not told any.
        ledger: What names the target's memory of calls, of a call that is sent again where its connection breaks.
        attempt: Where the call is entered in that memory, at the target.
        cancelled: Whether the call has ended before its handler did.
        arrived: Whether what the call is answered with is here, so that it no longer needs the node that it came from.
        progress: What is told, on the event loop, of the call's large payloads as they travel.
        turn: What a large reply waits for before it is fetched; None where there is room for it in any case.
        default_deadline: Whether the deadline is the node's own, for nobody gave one: its time stands still while a
            transfer of the call advances.
        latest: What such a deadline never moves past.
    """

    method: str
    source: str
    target: str
    payload: Any = field(repr=False)  # neither belongs in a log: the one is large, the other may hold secrets
    metadata: dict[str, str] = field(default_factory=_no_metadata, repr=False)
    call_id: str = ""
    deadline: float | None = None
    role: str = ""
    spec: Method[Any] | None = None
    items: AsyncIterator[Any] | None = None
    stream: str = ""
    serializer: str = ""
    encoded: Encoded | None = None
    compressor: Compressor | None = None
    arrival: Arrival | None = None
    undecoded: bool = False
    buffers: Sequence[Buffer] = field(default=(), repr=False)
    identity: Identity | None = None
    schema: str = ""
    ledger: str = ""
    attempt: Attempt | None = field(default=None, repr=False)
    cancelled: bool = False
    arrived: bool = False
    progress: Callable[[Transfer], object] | None = field(default=None, repr=False)
    turn: Turn | None = field(default=None, repr=False)
    default_deadline: bool = False
    latest: float = math.inf

    def reply(self, payload: Any) -> Message:
        """The answer to this message."""
        reply = Message(self.method, self.target, self.source, payload, {}, self.call_id, self.deadline)
        reply.arrival = self.arrival
        return reply

    def time_left(self) -> float | None:
        """Seconds until the deadline, negative after it; None where there is none."""
        return None if self.deadline is None else self.deadline - time.monotonic()

    def keep(self, left: float) -> None:
        """Have this many seconds left from now on, where nobody gave the deadline. From any thread."""
        if self.default_deadline:
            self.deadline = min(time.monotonic() + left, self.latest)

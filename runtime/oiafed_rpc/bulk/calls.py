"""The calls that move the transfers of another call, and travel as that does: to the same node, with the same metadata.

So what proves who makes the one, such as a token, proves it for the others.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from oiafed_rpc.bulk.methods import DROP, OPEN, PULL, PUSH, RECEIVED, TAKEN
from oiafed_rpc.config.rules import LONGEST
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.system import types
from oiafed_rpc.system.types import OpenRequest, TransferRequest


class Sender(Protocol):
    """What carries calls: a channel of a transport."""

    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        """Carry a request and give its reply."""
        ...

    def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Carry a request and give the items of its reply."""
        ...


class BulkCalls:
    """The calls that move the transfers of one call; each raises RpcError where it fails.

    Args:
        sender: What carries them.
        served: The call whose transfers they move.
    """

    def __init__(self, sender: Sender, served: Message) -> None:
        self._sender = sender
        self._served = Message("", served.source, served.target, None, served.metadata, served.call_id)  # no payload:
        self._served.role = served.role  # a lane keeps it until the next call

    async def open(self, lanes: list[str]) -> list[types.Lane]:
        """The lanes that the node offers, among those of some names, each with a ticket."""
        reply = await self._send(OPEN, OpenRequest(lanes=lanes))
        offered: list[types.Lane] = reply.lanes
        return offered

    async def push(self, chunks: AsyncIterator[Any]) -> int:
        """Send a transfer and then its chunks; how much of it has arrived at the end."""
        message = self._message(PUSH, None)
        message.items = chunks
        received: int = (await self._sender.send(message.target, message)).payload.received
        return received

    def pull(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The chunks of a transfer."""
        message = self._message(PULL, None)
        message.items = requests
        return self._sender.stream(message.target, message)

    async def received(self, transfer_id: bytes) -> int:
        """How many bytes of a transfer have arrived."""
        received: int = (await self._send(RECEIVED, TransferRequest(id=transfer_id))).received
        return received

    async def taken(self, transfer_id: bytes) -> None:
        """Wait until the node no longer holds a transfer."""
        await self._send(TAKEN, TransferRequest(id=transfer_id))

    async def drop(self, transfer_id: bytes) -> None:
        """Tell the node that nobody will ask for a transfer."""
        await self._send(DROP, TransferRequest(id=transfer_id))

    async def _send(self, spec: Method[Any], payload: Any) -> Any:
        message = self._message(spec, payload)
        return (await self._sender.send(message.target, message)).payload

    def _message(self, spec: Method[Any], payload: Any) -> Message:
        served = self._served
        message = Message(spec.title, served.source, served.target, payload, served.metadata, served.call_id)
        message.role = served.role
        message.spec = spec
        # What ends it is the call that it serves, or that the link stands still.
        message.deadline = time.monotonic() + LONGEST
        return message

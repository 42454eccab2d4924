"""Calls inside one process: objects by reference, or through every byte of the serializer path."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from oiafed_rpc.body import Body
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.forking import on_fork
from oiafed_rpc.message import Message
from oiafed_rpc.peers import Peer, Peers
from oiafed_rpc.streams import close, next_item
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.wire.bodies import spec_of

T = TypeVar("T")


class _Member(NamedTuple):
    endpoint: Endpoint
    loop: asyncio.AbstractEventLoop


class MemoryNetwork:
    """The nodes of one process that reach each other in memory. Every node on it is connected to every other.

    Attributes:
        peers: All of its nodes.
    """

    def __init__(self) -> None:
        self.peers = Peers()
        self._lock = threading.Lock()
        self._members: dict[str, _Member] = {}
        on_fork(self)

    def forked(self) -> None:
        """In a child of the process: none of its nodes run there."""
        self._lock = threading.Lock()
        self._members.clear()
        self.peers.clear()

    def join(self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop) -> None:
        """Make a node reachable, on the event loop that it runs on.

        Raises:
            RpcError: ALREADY_EXISTS where another node has its id.
        """
        node_id = endpoint.node_id
        with self._lock:
            taken = self._members.get(node_id)
            if taken is not None and taken.endpoint is not endpoint and not taken.loop.is_closed():
                raise RpcError(
                    Code.ALREADY_EXISTS,
                    f"a node with the id {node_id!r} is running in this process: stop it, or choose another id",
                )
            self._members[node_id] = _Member(endpoint, loop)
        self.peers.add(Peer(node_id, endpoint.role, endpoint.incarnation, "memory"))

    def leave(self, endpoint: Endpoint) -> None:
        """Make a node unreachable; harmless where it is not on the network."""
        with self._lock:
            member = self._members.get(endpoint.node_id)
            if member is None or member.endpoint is not endpoint:
                return
            del self._members[endpoint.node_id]
        self.peers.remove(endpoint.node_id)

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._members

    def member(self, node_id: str) -> _Member:
        """A node and its event loop.

        Raises:
            RpcError: UNAVAILABLE where no such node is running.
        """
        member = self._members.get(node_id)
        if member is None:
            raise RpcError(Code.UNAVAILABLE, self.absence(node_id))
        return member

    def beside(self, node_id: str) -> Endpoint | None:
        """Where a node answers that runs on this event loop."""
        member = self._members.get(node_id)
        return member[0] if member is not None and member[1] is asyncio.get_running_loop() else None

    def absence(self, node_id: str) -> str:
        """What to say of a node that is not on the network."""
        known = ", ".join(sorted(self._members)) or "none"
        return (
            f"no node {node_id!r} is running in this process; running: {known}. "
            "Memory reaches nodes of the same process only; gRPC reaches others"
        )


DEFAULT_NETWORK = MemoryNetwork()
"""The network that nodes share where none is given."""


class MemoryTransport(Transport):
    """Carries calls between the nodes of one process.

    A handler gets the very objects that its caller passed; change them in place and the caller sees it.

    Args:
        network: The nodes that can be reached; None for those of the process.
        serialize: Encode and decode every payload as a transport over sockets does: for tests.
    """

    def __init__(self, network: MemoryNetwork | None = None, *, serialize: bool = False) -> None:
        super().__init__()
        self.network = DEFAULT_NETWORK if network is None else network
        self.peers = self.network.peers
        self._serialize = serialize

    async def start(self) -> None:
        """Join the network."""
        self.network.join(self.endpoint, asyncio.get_running_loop())

    async def stop(self) -> None:
        """Leave the network."""
        self.network.leave(self.endpoint)

    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Wait until the node is on the network; where it listens does not matter here."""
        await self.peers.until(lambda: node_id in self.network)

    def absence(self, node_id: str) -> str:
        """Say who is there, and that memory ends with the process."""
        return self.network.absence(node_id)

    async def welcome(self, peer: Peer) -> None:
        """Nothing: the network knows its nodes."""

    def beside(self, target: str) -> Endpoint | None:
        """Where a node of the network answers, if it runs on this event loop."""
        return None if self._serialize else self.network.beside(target)

    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        """Have a node of the network answer a request."""
        endpoint, loop = self.network.member(target)
        if self._serialize:
            return self._send_bytes(endpoint, loop, message)
        if loop is asyncio.get_running_loop():
            return endpoint.receive(message)
        return _on(loop, endpoint.receive(_crossing(message)))

    async def _send_bytes(self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop, message: Message) -> Message:
        request = await self._travelled(endpoint, message)

        async def answer() -> tuple[Body, str]:
            reply = await endpoint.receive(request)
            compressor = reply.compressor
            body = await endpoint.wire.encode_reply(request, reply.payload, compressor, apart=True)
            return _copied(body), compressor.name if compressor else ""

        try:
            body, encoding = await _on(loop, answer())
        except RpcError as error:
            came = self._travelled_error(endpoint, message, error)
            raise came from came.__cause__
        return message.reply(await self.endpoint.wire.decode_reply(message, body, encoding))

    async def _travelled(self, endpoint: Endpoint, message: Message) -> Message:
        """A request as its receiver gets it: headers and bytes, sharing nothing with the sender's."""
        from oiafed_rpc.wire.headers import request_from, request_headers

        ours, spec = self.endpoint.wire, spec_of(message)
        body: Body | AsyncIterator[Body]
        if spec.takes_stream:
            body = (_copied(each) async for each in ours.request_bodies(message, apart=_always))
        else:
            body = _copied(await ours.encode_request(message, apart=_always))
        headers = request_headers(message, ours.serializers.names)
        request = request_from(spec.path, endpoint.spec(spec.path), body, headers, endpoint.node_id)
        request.deadline = message.deadline
        return _crossing(request)

    def _travelled_error(self, endpoint: Endpoint, message: Message, error: RpcError) -> RpcError:
        from oiafed_rpc.wire.status import decode_error, encode_error

        data = encode_error(error, endpoint.wire.serializers)
        return decode_error(message, data, self.endpoint.wire.serializers) or error

    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Have a node of the network answer a streaming request."""
        endpoint, loop = self.network.member(target)
        request = await self._travelled(endpoint, message) if self._serialize else _crossing(message)
        try:
            reply = await _on(loop, endpoint.receive(request))
            items: AsyncIterator[Any] = reply.payload
            try:
                while True:
                    try:
                        item = await _on(loop, next_item(items))
                    except StopAsyncIteration:
                        return
                    if self._serialize:
                        item = await self._over_the_wire(endpoint, request, message, reply, item)
                    yield item
            finally:
                await _on(loop, close(items))
        except RpcError as error:
            if not self._serialize:
                raise
            came = self._travelled_error(endpoint, message, error)
            raise came from came.__cause__

    async def _over_the_wire(
        self, endpoint: Endpoint, request: Message, message: Message, reply: Message, item: Any
    ) -> Any:
        compressor = reply.compressor
        body = _copied(await endpoint.wire.encode_reply(request, item, compressor, apart=True))
        return await self.endpoint.wire.decode_reply(message, body, compressor.name if compressor else "")


async def _always() -> bool:
    return True


def _copied(body: Body) -> Body:
    """A body as its receiver has it: buffers that were left out, in memory of their own."""
    return Body(body.data, (), [bytearray(run.view(0, run.nbytes)) for run in body.runs])


def _crossing(message: Message) -> Message:
    """A request whose items are taken on the event loop that its caller runs on, whatever loop asks for them."""
    if message.items is None:
        return message
    return replace(message, items=_items_on(asyncio.get_running_loop(), message.items))


async def _items_on(loop: asyncio.AbstractEventLoop, items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while True:
        try:
            yield await _on(loop, next_item(items))
        except StopAsyncIteration:
            return


async def _on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the event loop that its node lives on."""
    if loop is asyncio.get_running_loop():
        return await coroutine
    try:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    except RuntimeError:
        coroutine.close()
        raise RpcError(Code.UNAVAILABLE, "the event loop of that node has closed") from None
    return await asyncio.wrap_future(future)

"""How nodes come to know each other: each introduces itself to the nodes that it connects to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from oiafed_rpc.config import Address
from oiafed_rpc.config.rules import LONGEST
from oiafed_rpc.context import CURRENT, current_call
from oiafed_rpc.dialing import DIALED
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.guests import Guests
from oiafed_rpc.peers import Peer
from oiafed_rpc.schemas.described import describe
from oiafed_rpc.system.node import NodeHandler, NodeProxy
from oiafed_rpc.system.types import (
    CancelReply,
    CancelRequest,
    DescribeReply,
    DescribeRequest,
    HelloReply,
    HelloRequest,
)
from oiafed_rpc.transport.base import Transport

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
ALIVE = 20.0
"""Seconds between two signs of life on an attendance: proxies end a stream on which nothing moves for a minute."""
_SIGN = HelloReply(node_id="", role="", incarnation="", schema="", ledger="")


class Introduction(NodeHandler):
    """Answers an introduction with the node's own, and knows which nodes are there: two never share an id.

    Attributes:
        arrived: Is told the id and the incarnation of a node that begins to attend.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.arrived: Callable[[str, str], None] = lambda _, __: None
        self._endpoint = endpoint
        self._guests = Guests()
        endpoint.draining.told.append(self._guests.dismiss)

    async def hello(self, request: HelloRequest) -> HelloReply:
        """Say who answers here."""
        await self._admit(request)
        self._guests.answer(request.node_id, request.incarnation)
        return self._reply()

    async def attend(self, request: HelloRequest) -> AsyncIterator[HelloReply]:
        """Count the caller as there until its call ends, or this node stops."""
        await self._admit(request)
        if self._endpoint.draining.stopping:
            raise self._endpoint.draining.refusal()
        with self._guests.attending(request.node_id, request.incarnation) as guest:
            self.arrived(request.node_id, request.incarnation)
            yield self._reply()
            while True:
                try:
                    async with asyncio.timeout(ALIVE):
                        asked = await guest.asked()
                except TimeoutError:
                    yield _SIGN
                    continue
                if not asked:
                    return
                yield self._reply()

    async def describe(self, request: DescribeRequest) -> DescribeReply:
        """Tell what methods look like."""
        asked = set(request.paths)
        return describe(spec for spec in self._endpoint.methods if spec.path in asked)

    async def cancel(self, request: CancelRequest) -> CancelReply:
        """Cancel a call that is remembered."""
        self._endpoint.memory.cancel(current_call().source, request.call_id)
        return CancelReply()

    def _reply(self) -> HelloReply:
        own, asked = self._endpoint, CURRENT.get()
        schema, methods = own.offer_told()
        remembers = asked is not None and asked.arrival is not None and asked.arrival.remembers
        return HelloReply(
            node_id=own.node_id,
            role=own.role,
            incarnation=own.incarnation,
            schema=schema,
            methods=methods,
            ledger=own.memory.ledger if remembers else "",
        )

    async def _admit(self, request: HelloRequest) -> None:
        """See whether the id of a caller is its own, and have it take the place of its former start.

        Raises:
            RpcError: ALREADY_EXISTS where another node has it; PERMISSION_DENIED where it is not who it calls as;
                Superseded where another start of the caller has taken its place.
        """
        own, call = self._endpoint, current_call()
        if call.source and (request.node_id, request.role) != (call.source, call.role):
            raise RpcError(
                Code.PERMISSION_DENIED,
                f"node {call.source!r} of role {call.role!r} introduces itself to {own.node_id!r} as node "
                f"{request.node_id!r} of role {request.role!r}",
            )
        if request.node_id == own.node_id and request.incarnation != own.incarnation:
            raise _taken(request, f"it is that of the node that answers here, of role {own.role!r}")
        own.fence.check(request.node_id, request.incarnation)
        if not await self._guests.make_room(request.node_id, request.incarnation):
            raise _taken(request, f"a node of that id is connected to {own.node_id!r}")
        if request.node_id != own.node_id:
            own.fence.admit(request.node_id, request.incarnation)
            own.memory.meet(request.node_id, request.incarnation)


def _taken(request: HelloRequest, why: str) -> RpcError:
    return RpcError(Code.ALREADY_EXISTS, f"the id {request.node_id!r} is taken: {why}; choose another id")


class Introduced(NamedTuple):
    """A node that has introduced itself.

    Attributes:
        peer: Who it is.
        reply: What it has told of itself.
        attendance: Lasts as long as the node is there; None where the transport carries no streams.
    """

    peer: Peer
    reply: HelloReply
    attendance: AsyncIterator[HelloReply] | None


def hello_of(own: Endpoint) -> HelloRequest:
    """How a node introduces itself."""
    return HelloRequest(node_id=own.node_id, role=own.role, incarnation=own.incarnation)


async def introduce(
    transport: Transport, own: Endpoint, node: NodeProxy, address: Address, timeout: float
) -> Introduced:
    """Reach a node and exchange introductions, trying again while it is not there yet.

    Args:
        transport: What carries the call.
        own: Who introduces itself.
        node: The proxy of the node.
        address: Where it is.
        timeout: Seconds that this may take in all.

    Raises:
        RpcError: UNAVAILABLE where it is not reached in time; ALREADY_EXISTS where the id is taken there; other codes
            where it refuses.
    """
    failure = transport.absence(address.node_id)
    try:
        async with asyncio.timeout(timeout):
            await transport.reach(address.node_id, address.host, address.port)
            pause = _FIRST_PAUSE
            while True:
                try:
                    return await _exchange(own, node, address.node_id, _place(address))
                except RpcError as error:
                    if error.code is not Code.UNAVAILABLE:
                        raise
                    failure = error.message
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
    except TimeoutError:
        raise RpcError(
            Code.UNAVAILABLE, f"cannot connect to {address} within {timeout:g} s: {failure}", {"node": address.node_id}
        ) from None


async def introduce_once(
    transport: Transport, own: Endpoint, node: NodeProxy, address: Address, timeout: float
) -> Introduced:
    """The same as `introduce`, in a single attempt.

    Raises:
        RpcError: as `introduce` does; a RetriableError where the node does not answer in time.
    """
    try:
        async with asyncio.timeout(timeout):
            await transport.reach(address.node_id, address.host, address.port)
            return await _exchange(own, node, address.node_id, _place(address))
    except TimeoutError:
        raise RetriableError(f"it does not answer within {timeout:g} s", {"node": address.node_id}) from None


async def introduce_back(own: Endpoint, node: NodeProxy) -> Introduced:
    """Exchange introductions with a node that has opened streams to be called over.

    Raises:
        RpcError: where it does not answer, or refuses.
    """
    return await _exchange(own, node, node.target, DIALED)


async def _exchange(own: Endpoint, node: NodeProxy, node_id: str, where: str) -> Introduced:
    attendance = attend(own, node)
    try:
        return _introduced(await anext(attendance), where, attendance)
    except RpcError as error:
        if error.code is not Code.UNIMPLEMENTED:
            raise
    return _introduced(await greet(own, node, node_id), where, None)


async def greet(own: Endpoint, node: NodeProxy, node_id: str) -> HelloReply:
    """Introduce a node, and learn who answers; any answer is a sign of life.

    A server of plain gRPC, which knows no introductions, is the node that it is addressed as, of no role.
    """
    try:
        return await node.with_options(retry=False).hello(hello_of(own))
    except RpcError as error:
        if error.code is not Code.UNIMPLEMENTED:
            raise
    return HelloReply(node_id=node_id, role="", incarnation="", schema="", ledger="")


def _place(address: Address) -> str:
    """Where a node is, without its id."""
    return str(address).partition("@")[2]


def _introduced(reply: HelloReply, where: str, attendance: AsyncIterator[HelloReply] | None) -> Introduced:
    return Introduced(Peer(reply.node_id, reply.role, reply.incarnation, where), reply, attendance)


def attend(own: Endpoint, node: NodeProxy) -> AsyncIterator[HelloReply]:
    """Be there for a node: it answers once, and the stream lasts as long as both are there."""
    return node.with_options(timeout=LONGEST, retry=False).attend(hello_of(own))


class Inquiry:
    """Asks other nodes about their schemas.

    Args:
        own: Who asks.
        proxy: Makes the proxy of a node by its id.
    """

    def __init__(self, own: Endpoint, proxy: Callable[[str], NodeProxy]) -> None:
        self._own = own
        self._proxy = proxy

    async def hello(self, target: str) -> HelloReply:
        """Who a node is, and what methods it has by now; raises RpcError where it does not answer."""
        return await greet(self._own, self._proxy(target), target)

    async def describe(self, target: str, path: str) -> DescribeReply:
        """What a method looks like there; raises RpcError where the node does not answer."""
        return await self._proxy(target).with_options(retry=False).describe(DescribeRequest(paths=[path]))

"""How nodes come to know each other: each introduces itself to the nodes that it connects to."""

from __future__ import annotations

import asyncio

from oiafed_rpc.config import Address
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.peers import Peer
from oiafed_rpc.system.node import NodeHandler, NodeProxy
from oiafed_rpc.system.types import HelloReply, HelloRequest
from oiafed_rpc.transport.base import Transport

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Introduction(NodeHandler):
    """Answers an introduction with the node's own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def hello(self, request: HelloRequest) -> HelloReply:
        """Say who answers here."""
        own = self._endpoint
        return HelloReply(node_id=own.node_id, role=own.role, incarnation=own.incarnation)


async def introduce(transport: Transport, own: Endpoint, node: NodeProxy, address: Address, timeout: float) -> Peer:
    """Reach a node and exchange introductions, trying again while it is not there yet.

    Args:
        transport: What carries the call.
        own: Who introduces itself.
        node: The proxy of the node.
        address: Where it is.
        timeout: Seconds that this may take in all.

    Raises:
        RpcError: UNAVAILABLE where it is not reached in time; other codes where it refuses.
    """
    failure = transport.absence(address.node_id)
    try:
        async with asyncio.timeout(timeout):
            await transport.reach(address.node_id, address.host, address.port)
            pause = _FIRST_PAUSE
            while True:
                try:
                    return await _hello(own, node, address)
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


async def _hello(own: Endpoint, node: NodeProxy, address: Address) -> Peer:
    reply = await node.hello(HelloRequest(node_id=own.node_id, role=own.role, incarnation=own.incarnation))
    return Peer(reply.node_id, reply.role, reply.incarnation, f"{address.host}:{address.port}")

"""Memory for nodes of the same process, gRPC for all others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.message import Message
from oiafed_rpc.peers import Peer, Peers
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.grpc import GrpcTransport
from oiafed_rpc.transport.host import Host
from oiafed_rpc.transport.memory import MemoryTransport


class AutoTransport(Transport):
    """Chooses for each call: memory where the target runs in this process, gRPC otherwise.

    Args:
        grpc: The transport to other processes.
        memory: The transport within this one; None for one on the network of the process.
    """

    def __init__(self, grpc: GrpcTransport, memory: MemoryTransport | None = None) -> None:
        super().__init__()
        self._grpc = grpc
        self._memory = memory or MemoryTransport()
        self.peers = Peers(self._memory.peers, grpc.peers)

    def attach(self, endpoint: Endpoint) -> None:
        """Become the transport of a node, and both of its parts with it."""
        super().attach(endpoint)
        self._memory.attach(endpoint)
        self._grpc.attach(endpoint)

    def hosted_by(self, host: Host | None) -> None:
        """Let nodes of other processes be called over streams that they have opened, and this one by them."""
        self._grpc.hosted_by(host)

    async def start(self) -> None:
        """Listen, and join the network of the process."""
        await self._grpc.start()
        try:
            await self._memory.start()
        except BaseException:
            await self._grpc.stop()
            raise

    async def stop(self) -> None:
        """Leave the network of the process, and stop listening."""
        await self._memory.stop()
        await self._grpc.stop()

    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Make a channel to a node, unless it runs in this process."""
        if node_id not in self._memory.network:
            await self._grpc.reach(node_id, host, port)

    def beside(self, target: str) -> Endpoint | None:
        """Where a node of this process answers, if it runs on this event loop."""
        return self._memory.beside(target)

    def doubt(self, node_id: str) -> None:
        """Have the channel to a node made anew."""
        self._grpc.doubt(node_id)

    def absence(self, node_id: str) -> str:
        """What to say of a node of another process."""
        return self._grpc.absence(node_id)

    async def welcome(self, peer: Peer) -> None:
        """Note a node of another process; the network of this one knows its own."""
        if peer.node_id in self._memory.network:
            await self._grpc.forget(peer.node_id)
        else:
            await self._grpc.welcome(peer)

    async def forget(self, node_id: str) -> None:
        """Close the channel to a node."""
        await self._grpc.forget(node_id)

    @property
    def exposed(self) -> bool:
        """Whether it listens on more than this machine's own address."""
        return self._grpc.exposed

    async def send(self, target: str, message: Message) -> Message:
        """Call a node."""
        return await self._for(target).send(target, message)

    def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Call a streaming method of a node."""
        return self._for(target).stream(target, message)

    def _for(self, target: str) -> Transport:
        return self._memory if target in self._memory.network else self._grpc

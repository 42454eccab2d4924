"""The gRPC transport of a node: one server, and a channel to each node that it calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.grpc.client import GrpcChannel
from oiafed_rpc.transport.grpc.options import is_loopback
from oiafed_rpc.transport.grpc.server import GrpcServer

DEFAULT_MAX_MESSAGE_SIZE = 2**31 - 1


class GrpcTransport(Transport):
    """Carries calls between processes and machines.

    Args:
        host: The address to listen on; None to listen nowhere and only call others.
        port: The port to listen on; 0 for any that is free.
        timeout: Seconds that a request which arrives without a deadline may take, where its method does not say.
        max_message_size: Bytes of the largest message, sent or received; gRPC itself ends at 2 GiB.

    Attributes:
        port: The port that is listened on, once started; 0 before.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 0,
        *,
        timeout: float = 60.0,
        max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE,
    ) -> None:
        super().__init__()
        self._host = host
        self._asked_port = port
        self._timeout = timeout
        self._max_message_size = max_message_size
        self._server: GrpcServer | None = None
        self._channels: dict[str, GrpcChannel] = {}
        self.port = 0

    async def start(self) -> None:
        """Listen, where there is something to listen on.

        Raises:
            ConfigError: where that address can't be listened on.
        """
        if self._host is None:
            return
        server = GrpcServer(self.endpoint, self._timeout, self._max_message_size)
        self.port = await server.start(self._host, self._asked_port)
        self._server = server

    async def stop(self) -> None:
        """Stop listening and close every channel."""
        server, self._server = self._server, None
        channels, self._channels = self._channels, {}
        for node_id in channels:
            self.peers.remove(node_id)
        await asyncio.gather(*(channel.close() for channel in channels.values()))
        if server is not None:
            await server.stop()
        self.port = 0

    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Make a channel to a node, in place of one to another address."""
        former = self._channels.get(node_id)
        self._channels[node_id] = GrpcChannel(host, port, self._max_message_size, self.endpoint.serializers)
        if former is not None:
            await former.close()

    async def forget(self, node_id: str) -> None:
        """Close the channel to a node."""
        channel = self._channels.pop(node_id, None)
        self.peers.remove(node_id)
        if channel is not None:
            await channel.close()

    @property
    def exposed(self) -> bool:
        """Whether it listens on more than this machine's own address."""
        return self._host is not None and not is_loopback(self._host)

    async def send(self, target: str, message: Message) -> Message:
        """Call a node; raises RpcError where that fails."""
        return await self._channel(target).send(target, message)

    def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Call a streaming method of a node."""
        return self._channel(target).stream(target, message)

    def _channel(self, target: str) -> GrpcChannel:
        channel = self._channels.get(target)
        if channel is None:
            known = ", ".join(sorted(self._channels)) or "none"
            raise RpcError(
                Code.UNAVAILABLE,
                f"node {target!r} is not connected: list it under connect_to, or await node.connect("
                f"'{target}@host:port'); connected: {known}",
            )
        return channel

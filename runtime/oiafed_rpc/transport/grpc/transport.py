"""The gRPC transport of a node: one server, and a channel to each node that it calls."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Coroutine
from typing import Any, NamedTuple, cast

from oiafed_rpc.config import LanesConfig, TlsConfig
from oiafed_rpc.config.rules import seconds
from oiafed_rpc.dialing import DIALED, SERVE
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.lifecycle import elsewhere
from oiafed_rpc.message import Message
from oiafed_rpc.method import SYSTEM_SERVICE
from oiafed_rpc.peers import Peer
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.grpc.client import GrpcChannel, open_channel
from oiafed_rpc.transport.grpc.dial_out.arrivals import Arrivals
from oiafed_rpc.transport.grpc.dial_out.channel import DialInCalls, DialInChannel
from oiafed_rpc.transport.grpc.dial_out.keeper import Keeper
from oiafed_rpc.transport.grpc.dial_out.lines import Lines
from oiafed_rpc.transport.grpc.dial_out.serving import Serving
from oiafed_rpc.transport.grpc.direct import direct_calls
from oiafed_rpc.transport.grpc.listening import GrpcServer
from oiafed_rpc.transport.grpc.options import authority, channel_options, is_loopback
from oiafed_rpc.transport.grpc.security import channel_credentials, check_files, is_mutual, server_credentials
from oiafed_rpc.transport.grpc.server import Router, proven
from oiafed_rpc.transport.grpc.standard import offer_standard_services
from oiafed_rpc.transport.grpc.transfers import Transfers
from oiafed_rpc.transport.host import Host

_GRACE = 1.0  # seconds in which the last answers of a node that dials out reach their callers


class GrpcTransport(Transport):
    """Carries calls between processes and machines.

    Args:
        host: The address to listen on, or `unix:/path`; None to listen nowhere and only call others.
        port: The port to listen on; 0 for any that is free.
        timeout: Seconds that a request which arrives without a deadline may take, where its method does not say.
        tls: What it proves itself with and whom it trusts; None for plain text.
        lanes: How large payloads may travel beside the gRPC connections; by default every way there is.
        idle_timeout: Seconds in which a large payload under way may stand still, before its call fails.
        dial_out: Whether the nodes that it connects to may call it over connections that it has opened, through NAT
            and firewalls; by default where it does not listen.

    Raises:
        ConfigError: for an `idle_timeout` that is no time.

    Attributes:
        port: The port that is listened on, once started; 0 before, and for a Unix socket.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 0,
        *,
        timeout: float = 60.0,
        tls: TlsConfig | None = None,
        lanes: LanesConfig | None = None,
        idle_timeout: float = 30.0,
        dial_out: bool | None = None,
    ) -> None:
        super().__init__()
        self._dials_out = host is None if dial_out is None else dial_out
        self._above: Host | None = None
        self._router: Router | None = None
        self._arrivals = Arrivals(self._arrived, self._departed)
        self._guests: dict[str, _Guest] = {}
        self._keepers: dict[str, Keeper] = {}
        self._host = host
        self._asked_port = port
        self._timeout = timeout
        self._tls = tls
        self._lanes = lanes or LanesConfig()
        self._idle_timeout = seconds(idle_timeout)
        self._transfers: Transfers | None = None
        self._server: GrpcServer | None = None
        self._channels: dict[str, GrpcChannel] = {}
        self._candidates: dict[str, _Candidate] = {}
        self._doubted: set[str] = set()
        self._retiring: dict[asyncio.Task[None], _Retired] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    def attach(self, endpoint: Endpoint) -> None:
        """Become the transport of a node, and offer what gRPC's tools expect of one, and what moves large payloads."""
        super().attach(endpoint)
        offer_standard_services(endpoint)
        self._transfers = Transfers(endpoint, self._lanes, self._tls, self._idle_timeout)

    async def start(self) -> None:
        """Listen, where there is something to listen on.

        Raises:
            ConfigError: where that address can't be listened on, or the files of `tls` are not what they should be.
        """
        self._loop = asyncio.get_running_loop()
        if self._tls is not None:
            check_files(self._tls)
        self._router = router = Router(self.endpoint, self._bulk.depot, self._timeout, secure=self._tls is not None)
        if self._host is None:
            self._bulk.offer(None)
            return
        router.answer_with(SERVE.path, functools.partial(Serving, self._arrivals))
        credentials = server_credentials(self._tls) if self._tls else None
        self._arrivals.start()
        self._server = GrpcServer(router, self.endpoint.wire.max_message_size, credentials)
        self.port = await self._server.start(self._host, self._asked_port)
        self._bulk.offer(self._host)

    @property
    def _bulk(self) -> Transfers:
        """What moves its large payloads."""
        transfers, _ = self._transfers, self.endpoint  # which says so where this is no node's
        return cast("Transfers", transfers)

    async def stop(self) -> None:
        """Stop listening and close every channel."""
        await self._arrivals.stop()  # its streams are calls to the server, which would wait for their end
        server, self._server = self._server, None
        if server is not None:
            await server.stop()  # first: what is running may still call others
        channels, self._channels = self._channels, {}
        candidates, self._candidates = self._candidates, {}
        retiring, self._retiring = self._retiring, {}
        self._doubted.clear()
        for task in retiring:
            task.cancel()
        keepers, self._keepers = self._keepers, {}
        self._guests.clear()
        for node_id in channels:
            self.peers.remove(node_id)
        if retiring:
            await asyncio.wait(retiring)
        await asyncio.gather(
            *(_ended(keeper) for keeper in keepers.values()),
            *(retired.close() for retired in retiring.values()),  # a task that was cancelled at once has not begun
        )
        await asyncio.gather(
            *(channel.close() for channel in channels.values()),
            *(candidate.give_up() for candidate in candidates.values()),
        )
        if self._transfers is not None:
            await self._transfers.stop()
        self.port = 0

    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Make a channel to a node. It takes over from a former one to another address when the node has answered."""
        former = self._channels.get(node_id)
        if former is not None and former.address == authority(host, port) and node_id not in self._doubted:
            return
        await self._try(node_id, self._make_channel(node_id, host, port))

    async def _try(self, node_id: str, channel: GrpcChannel) -> None:
        """Let a node introduce itself over a channel."""
        superseded = self._candidates.pop(node_id, None)
        self._candidates[node_id] = _Candidate(channel, asyncio.get_running_loop().create_future())
        if superseded is not None:
            await superseded.give_up()

    def _make_channel(self, node_id: str, host: str, port: int) -> GrpcChannel:
        where, wire, tls = authority(host, port), self.endpoint.wire, self._tls
        name = node_id if tls is not None and is_mutual(tls) else ""
        options = channel_options(host, wire.max_message_size, name)
        expected = (name or host) if tls is not None else None
        courier = functools.partial(self._bulk.courier, host, expected or "")
        channel = open_channel(where, options, channel_credentials(tls) if tls else None)
        return GrpcChannel(where, channel, direct_calls(channel), expected, wire, courier)

    async def welcome(self, peer: Peer) -> None:
        """Take over the channel over which a node has introduced itself."""
        candidate = self._candidates.pop(peer.node_id, None)
        if candidate is not None:
            former = self._channels.get(peer.node_id)
            self._channels[peer.node_id] = candidate.channel
            self._doubted.discard(peer.node_id)
            candidate.settle()
            keeper = self._keepers.pop(peer.node_id, None)
            self._dial_out(peer, candidate.channel)
            if former is not None:
                self._retire(former, keeper)
        await super().welcome(peer)

    def _retire(self, channel: GrpcChannel, keeper: Keeper | None) -> None:
        """Let the calls end that are under way over a channel: those to a node that is lost have failed already."""
        retired = _Retired(channel, keeper)
        task = asyncio.create_task(retired.until_closed(), name=f"oiafed-retire {channel.address}")
        self._retiring[task] = retired
        task.add_done_callback(lambda done: self._retiring.pop(done, None))

    def doubt(self, node_id: str) -> None:
        """Have the next `reach` make a new channel."""
        self._doubted.add(node_id)

    # Nodes that dial out

    def hosted_by(self, host: Host | None) -> None:
        """Let nodes be called over streams that they have opened here, and this one over its own."""
        self._above = host
        if host is not None:
            for node_id in self._guests:  # they have come before the node was ready
                host.opened(node_id)

    def _dial_out(self, peer: Peer, channel: GrpcChannel) -> None:
        """Let a node call this one over a channel to it, if that is how it is called."""
        if not self._dials_out or channel.address == DIALED or not peer.epoch or self._above is None:
            return
        mutual = self._tls is not None and is_mutual(self._tls)
        assert self._router is not None  # noqa: S101 - made by start
        self._keepers[peer.node_id] = Keeper(
            peer.node_id, channel, self._above.offer, self._router.service, proven(peer.node_id) if mutual else {}
        )

    async def _open_stream(self, target: str, message: Message) -> Message:
        """Open one stream for a node to call this one."""
        keeper = self._keepers.get(target)
        if keeper is None:
            raise RpcError(Code.UNAVAILABLE, f"node {target!r} is not connected")
        return await keeper.open(message)

    async def _arrived(self, lines: Lines, *, again: bool) -> None:
        """A node has opened its first stream here."""
        if not again:
            dialed, courier = DialInChannel(lines), functools.partial(self._bulk.courier, None, "")
            channel = GrpcChannel(DIALED, dialed, DialInCalls(lines), None, self.endpoint.wire, courier)
            self._guests[lines.node_id] = _Guest(lines, channel)
            await self._try(lines.node_id, channel)
        if self._above is not None:
            self._above.opened(lines.node_id)

    async def _departed(self, lines: Lines) -> None:
        """A node has no stream here any more: it is lost, unless it has left, and nothing is kept for it."""
        guest = self._guests.get(lines.node_id)
        if guest is None or guest.lines is not lines:
            return
        current = self._channels.get(lines.node_id) is guest.channel
        if current and lines.node_id in self.peers:
            return
        del self._guests[lines.node_id]
        if current:
            del self._channels[lines.node_id]
        self._arrivals.forget(lines)
        await guest.channel.close()

    async def forget(self, node_id: str) -> None:
        """Close the channel to a node that did not introduce itself; a former one stays."""
        candidate = self._candidates.pop(node_id, None)
        if candidate is not None:
            await candidate.give_up()

    @property
    def exposed(self) -> bool:
        """Whether other machines reach it in plain text."""
        return self._host is not None and not is_loopback(self._host) and self._tls is None

    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        """Call a node; raises RpcError where that fails. A node that is being connected to is waited for."""
        if message.spec is SERVE:
            return self._open_stream(target, message)
        channel = self._channels.get(target)
        here = asyncio.get_running_loop() is self._loop
        if channel is not None and here and target not in self._candidates:
            return channel.send(target, message)
        return self._send_when_known(target, message)

    async def _send_when_known(self, target: str, message: Message) -> Message:
        channel = await self._channel(target, message)
        return await channel.send(target, message)

    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Call a streaming method of a node."""
        channel = await self._channel(target, message)
        async for item in channel.stream(target, message):
            yield item

    async def _channel(self, target: str, message: Message) -> GrpcChannel:
        if asyncio.get_running_loop() is not self._loop:
            raise elsewhere(self.endpoint.node_id)
        candidate = self._candidates.get(target)
        if candidate is not None and message.spec is not None and message.spec.path.startswith(SYSTEM_SERVICE):
            return candidate.channel
        if target not in self._channels and candidate is not None:
            await asyncio.shield(candidate.settled)
        channel = self._channels.get(target)
        if channel is None:
            known = ", ".join(sorted(self._channels)) or "none"
            raise RpcError(
                Code.UNAVAILABLE,
                f"node {target!r} is not connected: list it under connect_to, or await node.connect("
                f"'{target}@host:port'); connected: {known}",
            )
        return channel


class _Guest(NamedTuple):
    """A node that has opened streams here, and the channel that they are."""

    lines: Lines
    channel: GrpcChannel


async def _ended(keeper: Keeper) -> None:
    """End its streams, each when the answer that is on its way has been given, but soon."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await keeper.retire()


class _Retired(NamedTuple):
    """A channel that another has taken the place of, and what keeps its streams open."""

    channel: GrpcChannel
    keeper: Keeper | None

    async def until_closed(self) -> None:
        """Close it when the calls under way have ended."""
        try:
            if self.keeper is not None:
                await self.keeper.retire()
        finally:
            await self.channel.retire()

    async def close(self) -> None:
        """Close it now; harmless where it is closed."""
        if self.keeper is not None:
            await self.keeper.close()
        await self.channel.close()


class _Candidate(NamedTuple):
    """A channel to a node that has not introduced itself over it yet."""

    channel: GrpcChannel
    settled: asyncio.Future[None]

    def settle(self) -> None:
        """Let the calls go on that wait for the introduction, whatever came of it."""
        if not self.settled.done():
            self.settled.set_result(None)

    async def give_up(self) -> None:
        """It is not to be: the calls go on without it."""
        self.settle()
        await self.channel.close()

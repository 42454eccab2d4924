"""The peers of a node: how it comes to know them, stays with them, and tells of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace

from oiafed_rpc.config import Address
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.events import Callback, Events
from oiafed_rpc.heartbeat import HeartbeatManager
from oiafed_rpc.introduction import FAREWELL, attend, greet, introduce
from oiafed_rpc.lifecycle import elsewhere
from oiafed_rpc.log import logger
from oiafed_rpc.peers import Peer
from oiafed_rpc.schemas.acquaintances import Acquaintances
from oiafed_rpc.streams import close
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.system.types import HelloReply
from oiafed_rpc.transport.base import Transport


class Membership:
    """Who is connected to a node.

    Args:
        own: What the node offers, and who it is.
        transport: What carries its calls.
        heartbeat: Notices peers that do not answer; None for nothing that does.
        lose: Fails the calls that wait on a peer; takes its id, and why.
        schemas: What peers have told of their schemas.
    """

    def __init__(
        self,
        own: Endpoint,
        transport: Transport,
        heartbeat: HeartbeatManager | None,
        lose: Callable[[str, str], None],
        schemas: Acquaintances,
    ) -> None:
        self._own = own
        self._transport = transport
        self._lose = lose
        self._schemas = schemas
        self._events = Events()
        self._heartbeat = heartbeat
        if heartbeat is not None:
            heartbeat.tell(self._lost, self._recovered)
        self._attending: dict[str, asyncio.Task[None]] = {}
        self._connecting: dict[str, asyncio.Lock] = {}
        self._known: dict[str, Peer] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def on(self, event: str, callback: Callback) -> Callable[[], None]:
        """Have a callback called for an event; see `Events.on`."""
        return self._events.on(event, callback)

    def spare_callback(self) -> None:
        """Let the callback that runs now, if it is one, outlive `stop`; see `Events.spare`."""
        self._events.spare()

    def peers(self) -> Mapping[str, Peer]:
        """The peers as they are now, by id."""
        return {key: self._seen(peer) for key, peer in self._others().items()}

    def _others(self) -> dict[str, Peer]:
        return {key: peer for key, peer in self._transport.peers.snapshot().items() if key != self._own.node_id}

    def _seen(self, peer: Peer) -> Peer:
        """A peer with what the heartbeats know of it."""
        if self._heartbeat is None:
            return peer
        seen = self._heartbeat.last_seen(peer.node_id)
        if seen is None:
            return peer
        return replace(peer, last_seen=seen, state="lost" if self._heartbeat.is_lost(peer.node_id) else "connected")

    def members(self, role: str | None) -> list[str]:
        """The ids of those that are there, of one role or of all, in order."""
        return sorted(
            key
            for key, peer in self._others().items()
            if (role is None or peer.role == role) and not (self._heartbeat and self._heartbeat.is_lost(key))
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on the peers holds."""
        await self._transport.peers.until(condition)

    # Life

    def start(self) -> None:
        """Begin to tell of peers that come and go."""
        self._loop = asyncio.get_running_loop()
        self._transport.peers.watch(self._changed)
        self._compare()

    async def stop(self) -> None:
        """Leave all peers."""
        if self._loop is None:
            return
        self._transport.peers.unwatch(self._changed)
        self._loop = None
        tasks = list(self._attending.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._attending.clear()
        self._connecting.clear()
        if self._heartbeat is not None:
            await self._heartbeat.stop()
        await self._events.stop()
        self._known.clear()

    def _changed(self) -> None:
        """From whatever thread has changed the table."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # that loop has closed, and with it whoever wanted to know
                loop.call_soon_threadsafe(self._compare)

    def _compare(self) -> None:
        """Tell what has changed in the table since the last look."""
        if self._loop is None:
            return
        now, before = self._others(), self._known
        self._known = now
        for key, peer in before.items():
            if key not in now or now[key].epoch != peer.epoch:
                self._events.emit("left", peer)
        for key, peer in now.items():
            if key not in before or before[key].epoch != peer.epoch:
                self._events.emit("connected", peer)

    # Peers

    async def connect(self, proxy: NodeProxy, address: Address, timeout: float) -> Peer:
        """Reach a node, exchange introductions, and stay with it.

        Raises:
            RpcError: as `introduce` does; ALREADY_EXISTS where a node of its id is connected from elsewhere;
                FAILED_PRECONDITION where the node runs on another event loop.
        """
        if self._loop not in (None, asyncio.get_running_loop()):
            raise elsewhere(self._own.node_id)
        async with self._connecting.setdefault(address.node_id, asyncio.Lock()):  # one after another to each node
            try:
                peer, reply, attendance = await introduce(self._transport, self._own, proxy, address, timeout)
                await self._check_free(peer)
                self._schemas.meet(peer.node_id, reply.schema, reply.methods, reply.ledger)
            except BaseException:
                await self._transport.forget(address.node_id)
                raise
            await self._transport.welcome(peer)
            self._stay(peer, proxy, attendance)
        return self._seen(peer)

    async def _check_free(self, peer: Peer) -> None:
        former = self._others().get(peer.node_id)
        if former is None or former.epoch == peer.epoch or former.address in (peer.address, "memory"):
            return
        attending = self._attending.get(former.node_id)
        if attending is not None:
            await asyncio.wait([attending], timeout=FAREWELL)
        if attending is not None and not attending.done():
            raise RpcError(
                Code.ALREADY_EXISTS,
                f"a node with the id {peer.node_id!r} is connected from {former.address}: the one at {peer.address} "
                "needs another id",
            )

    def _stay(self, peer: Peer, proxy: NodeProxy, attendance: AsyncIterator[HelloReply] | None) -> None:
        former = self._attending.pop(peer.node_id, None)
        if former is not None:
            former.cancel()
        if attendance is not None:
            self._begin_attending(peer.node_id, attendance)
        if self._heartbeat is not None:
            self._heartbeat.watch(peer.node_id, lambda: self._ping(peer.node_id, proxy))

    def _begin_attending(self, node_id: str, attendance: AsyncIterator[HelloReply]) -> None:
        task = asyncio.create_task(self._attend(node_id, attendance), name=f"oiafed-attend {node_id}")
        self._attending[node_id] = task

    async def _ping(self, node_id: str, proxy: NodeProxy) -> None:
        """A heartbeat is an introduction: it finds out, too, that the peer has been started anew."""
        connecting = self._connecting.get(node_id)
        if connecting is not None and connecting.locked():
            return  # somebody is asking it who it is already
        reply = await greet(self._own, proxy, node_id)
        self._schemas.meet(node_id, reply.schema, reply.methods, reply.ledger)
        known = self._others().get(node_id)
        if known is not None and reply.incarnation != known.epoch:
            self._lose(node_id, "it was started anew")
            await self._transport.welcome(replace(known, role=reply.role, epoch=reply.incarnation))
        attending = self._attending.get(node_id)
        if attending is not None and attending.done():
            self._begin_attending(node_id, attend(self._own, proxy))

    async def _attend(self, node_id: str, attendance: AsyncIterator[HelloReply]) -> None:
        """Be there for a peer as long as it is there itself."""
        try:
            async for _ in attendance:
                pass
        except RpcError as error:
            logger.debug("the connection to %r broke: %s", node_id, error)
            if self._heartbeat is not None:
                self._heartbeat.probe(node_id)
            return
        finally:
            await close(attendance)
        self._leave(node_id)

    def _leave(self, node_id: str) -> None:
        """A peer has said that it stops."""
        if self._heartbeat is not None:
            self._heartbeat.unwatch(node_id)
        self._schemas.forget(node_id)
        self._transport.peers.remove(node_id)

    def _lost(self, node_id: str) -> None:
        peer = self._others().get(node_id)
        if peer is None:
            return
        logger.warning("node %r lost peer %r: it does not answer", self._own.node_id, node_id)
        self._lose(node_id, "it does not answer")
        self._transport.peers.notify()
        self._events.emit("lost", self._seen(peer))

    def _recovered(self, node_id: str) -> None:
        peer = self._others().get(node_id)
        if peer is not None:
            logger.info("node %r: peer %r answers again", self._own.node_id, node_id)
            self._transport.peers.notify()
            self._events.emit("recovered", self._seen(peer))

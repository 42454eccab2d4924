"""The peers of a node: how it comes to know them, stays with them, and tells of them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Literal

from oiafed_rpc.config import Address
from oiafed_rpc.context import outside_of_calls
from oiafed_rpc.dialing import DIALED, ServeProxy
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.events import Callback, Events
from oiafed_rpc.guests import PATIENCE
from oiafed_rpc.heartbeat import HeartbeatManager
from oiafed_rpc.introduction import Introduced, greet, hello_of, introduce, introduce_back, introduce_once
from oiafed_rpc.lifecycle import elsewhere
from oiafed_rpc.log import logger
from oiafed_rpc.peers import Peer
from oiafed_rpc.reconnecting import Reconnecting, ReconnectPolicy
from oiafed_rpc.schemas.acquaintances import Acquaintances
from oiafed_rpc.streams import close
from oiafed_rpc.system.node import NodeProxy
from oiafed_rpc.system.types import HelloReply
from oiafed_rpc.transport.base import Transport

_ATTEMPT = 5.0  # seconds in which a node that is dialled again introduces itself, or is dialled once more
_OPENING = 10.0  # seconds in which a stream is to be open


class Membership:
    """Who is connected to a node.

    Args:
        own: What the node offers, and who it is.
        transport: What carries its calls.
        heartbeat: Notices peers that do not answer; None for nothing that does.
        reconnect: How those that are not there are dialled again.
        lose: Fails the calls that wait on a peer; takes its id, and why.
        schemas: What peers have told of their schemas.
        proxy: Makes what calls a node, by its id.
    """

    def __init__(
        self,
        own: Endpoint,
        transport: Transport,
        heartbeat: HeartbeatManager | None,
        reconnect: ReconnectPolicy,
        lose: Callable[[str, str], None],
        schemas: Acquaintances,
        proxy: Callable[[str], ServeProxy],
    ) -> None:
        self._own = own
        self._transport = transport
        self._lose = lose
        self._schemas = schemas
        self._proxy = proxy
        self._events = Events()
        self._heartbeat = heartbeat
        if heartbeat is not None:
            heartbeat.tell(self._unanswered, self._answers)
        self._reconnecting = Reconnecting(own.node_id, reconnect, self._unreached)
        self._lost: set[str] = set()
        self._attending: dict[str, asyncio.Task[None]] = {}
        self._meeting: set[asyncio.Task[None]] = set()
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
        """A peer with what is known of it beside."""
        seen = self._heartbeat.last_seen(peer.node_id) if self._heartbeat is not None else None
        state: Literal["connected", "lost"] = "lost" if peer.node_id in self._lost else "connected"
        return replace(peer, last_seen=peer.last_seen if seen is None else seen, state=state)

    def members(self, role: str | None) -> list[str]:
        """The ids of those that are there, of one role or of all, in order."""
        return sorted(
            key for key, peer in self._others().items() if (role is None or peer.role == role) and key not in self._lost
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on the peers holds."""
        await self._transport.peers.until(condition)

    # Life

    def start(self) -> None:
        """Begin to tell of peers that come and go."""
        self._loop = asyncio.get_running_loop()
        self._transport.peers.watch(self._changed)
        self._transport.hosted_by(self)
        self._compare()

    async def stop(self) -> None:
        """Leave all peers."""
        if self._loop is None:
            return
        self._transport.peers.unwatch(self._changed)
        self._loop = None
        self._transport.hosted_by(None)
        await self._reconnecting.stop()
        tasks = [*self._attending.values(), *self._meeting]
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
        self._lost.clear()

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
        dialled = self._reconnecting.cease(address.node_id)
        introduction = functools.partial(introduce, self._transport, self._own, proxy, address, timeout)
        try:
            peer = await self._join(proxy, introduction)
        except BaseException:
            if dialled:
                self._reconnecting.begin(address.node_id)
            raise
        self._reconnecting.keep(address, functools.partial(self._dial, proxy, address))
        return self._seen(peer)

    async def _dial(self, proxy: NodeProxy, address: Address) -> None:
        """Reach a node again, over a new connection where the former one has failed."""
        if address.node_id in self._lost or address.node_id not in self._others():
            self._transport.doubt(address.node_id)
        introduction = functools.partial(introduce_once, self._transport, self._own, proxy, address, _ATTEMPT)
        await self._join(proxy, introduction)

    async def _join(self, proxy: NodeProxy, introduction: Callable[[], Awaitable[Introduced]]) -> Peer:
        async with self._dialling(proxy.target):  # one after another to each node
            former = self._others().get(proxy.target)
            try:
                peer, reply, attendance = await introduction()
                if former is not None and self._elsewhere(former, peer):
                    if attendance is not None:
                        await close(attendance)
                    await self._transport.forget(peer.node_id)
                    await self._check_gone(former, peer, proxy)
                    peer, reply, attendance = await introduction()
                self._own.fence.admit(peer.node_id, peer.epoch)
                self._schemas.meet(peer.node_id, reply.schema, reply.methods, reply.ledger)
            except BaseException:
                await self._transport.forget(proxy.target)
                raise
            if former is not None and former.epoch != peer.epoch:
                self._lose(peer.node_id, "it was started anew")
            await self._transport.welcome(peer)
            self._stay(peer, proxy, attendance)
        self._found(peer, former)
        return peer

    # Peers that dial out

    def opened(self, node_id: str) -> None:
        """See `Host.opened`."""
        task = asyncio.create_task(self._meet(node_id), name=f"oiafed-meet {node_id}", context=outside_of_calls())
        self._meeting.add(task)
        task.add_done_callback(self._meeting.discard)

    async def _meet(self, node_id: str) -> None:
        proxy = self._proxy(node_id)
        try:
            await self._join(proxy, functools.partial(introduce_back, self._own, proxy))
        except RpcError as error:  # it opens others
            level = logging.DEBUG if error.code is Code.UNAVAILABLE else logging.WARNING
            logger.log(level, "node %r can't be called over the streams that it has opened: %s", node_id, error.message)

    async def offer(self, node_id: str) -> None:
        """See `Host.offer`."""
        proxy = self._proxy(node_id).with_options(retry=False, timeout=_OPENING)
        await proxy.serve(hello_of(self._own))

    def _dialling(self, node_id: str) -> asyncio.Lock:
        """Held by who dials a node."""
        return self._connecting.setdefault(node_id, asyncio.Lock())

    def _elsewhere(self, former: Peer, peer: Peer) -> bool:
        """Whether another node of an id seems to be connected from another address."""
        return (
            former.epoch != peer.epoch
            and former.address not in (peer.address, "memory")
            and former.node_id not in self._lost
        )

    async def _check_gone(self, former: Peer, peer: Peer, proxy: NodeProxy) -> None:
        """See that a node that is connected answers no more.

        Raises:
            RpcError: ALREADY_EXISTS where it does.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                reply = await greet(self._own, proxy, former.node_id)
        except TimeoutError:
            return
        except RpcError as error:
            if error.code is Code.UNAVAILABLE:
                return
        else:
            if reply.incarnation != former.epoch:
                return
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
            attending = self._attend(peer.node_id, proxy, attendance)
            self._attending[peer.node_id] = asyncio.create_task(attending, name=f"oiafed-attend {peer.node_id}")
        if self._heartbeat is not None:
            self._heartbeat.watch(peer.node_id, lambda: self._ping(peer.node_id, proxy))

    async def _ping(self, node_id: str, proxy: NodeProxy) -> None:
        """A heartbeat is an introduction: it finds out, too, that the peer has been started anew."""
        async with self._dialling(node_id):
            pass  # somebody is asking it who it is already, and may get another answer
        reply = await greet(self._own, proxy, node_id)
        self._own.fence.check(node_id, reply.incarnation)
        self._schemas.meet(node_id, reply.schema, reply.methods, reply.ledger)
        known = self._others().get(node_id)
        if known is not None and reply.incarnation != known.epoch:
            self._reconnecting.begin(node_id)
            raise RetriableError(f"another start of node {node_id!r} answers", {"node": node_id})

    async def _attend(self, node_id: str, proxy: NodeProxy, attendance: AsyncIterator[HelloReply]) -> None:
        """Be there for a peer as long as it is there itself; where it asks for a sign of life, give one."""
        try:
            async for reply in attendance:
                if reply.node_id:  # else it only says that it is there
                    await greet(self._own, proxy, node_id)
        except RpcError as error:
            logger.debug("the connection to %r broke: %s", node_id, error)
            self._broken(node_id)
            return
        finally:
            await close(attendance)
        self._leave(node_id)

    def arrived(self, node_id: str, incarnation: str) -> None:
        """A node has introduced itself to this one: if it is waited for, or was started anew, it is dialled at once."""
        known = self._others().get(node_id)
        if known is None or known.epoch == incarnation:
            self._reconnecting.hurry(node_id)
        elif self._reconnecting.begin(node_id):
            self._transport.doubt(node_id)

    # What becomes of them

    def _broken(self, node_id: str) -> None:
        """The connection to a peer broke: it is there at the next attempt, or lost."""
        peer = self._others().get(node_id)
        if peer is not None and peer.address == DIALED:
            self.opened(node_id)  # perhaps this stream alone is gone
        if not self._reconnecting.begin(node_id) and self._heartbeat is not None:
            self._heartbeat.probe(node_id)

    def _leave(self, node_id: str) -> None:
        """A peer has said that it stops. It may be started again."""
        if self._heartbeat is not None:
            self._heartbeat.unwatch(node_id)
        self._lost.discard(node_id)
        self._schemas.forget(node_id)
        self._transport.peers.remove(node_id)
        self._reconnecting.begin(node_id, expected=True)

    def _unanswered(self, node_id: str) -> None:
        """A peer gives no sign of life. What leads to it may be dead, and not the peer."""
        self._reconnecting.begin(node_id)
        if self._lose_sight(node_id, "it does not answer"):
            self._lose(node_id, "it does not answer")

    def _unreached(self, node_id: str) -> None:
        """An attempt to connect to a peer has failed. Calls under way have broken with their connection, if at all."""
        self._lose_sight(node_id, "its connection broke")

    def _lose_sight(self, node_id: str, why: str) -> bool:
        """Tell that a peer is lost, unless it is known; whether it was not."""
        peer = self._others().get(node_id)
        if peer is None or node_id in self._lost:
            return False
        self._lost.add(node_id)
        logger.warning("node %r lost peer %r: %s", self._own.node_id, node_id, why)
        self._transport.peers.notify()
        self._events.emit("lost", self._seen(peer))
        return True

    def _answers(self, node_id: str) -> None:
        """A peer gives a sign of life again."""
        attending = self._attending.get(node_id)
        if attending is None or not attending.done():
            self._reconnecting.cease(node_id)  # all is as it was
        peer = self._others().get(node_id)
        if peer is not None:
            self._found(peer, peer)

    def _found(self, peer: Peer, former: Peer | None) -> None:
        """A peer is there; tell so, if it was lost and not replaced by another start of itself."""
        if peer.node_id not in self._lost:
            return
        self._lost.discard(peer.node_id)
        self._transport.peers.notify()
        if former is not None and former.epoch == peer.epoch:
            logger.info("node %r: peer %r answers again", self._own.node_id, peer.node_id)
            self._events.emit("recovered", self._seen(peer))

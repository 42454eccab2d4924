"""A transport around another, whose calls meet with faults."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

from typing_extensions import override

from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.config.faults import FaultPlan
from oiafed_rpc.context import outside_of_calls
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import RetriableError, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.peers import Peer
from oiafed_rpc.streams import close, next_item
from oiafed_rpc.testing.faults.fates import Fate, Fates, Injected, Strike
from oiafed_rpc.testing.faults.link import Link
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.transport.host import Host

_REMEMBERED = 10_000


class FaultTransport(Transport):
    """Carries calls as another transport does, but has things go wrong with those that its node makes.

    Calls into the node meet with the faults of their callers' transports.

    Args:
        inner: What carries the calls.
        plan: What goes wrong; nothing by itself where it is left out.
        clock: What the time is told by.

    Attributes:
        inner: As given.
        injected: What went wrong so far, in order: the last 10,000.
    """

    def __init__(self, inner: Transport, plan: FaultPlan | None = None, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__()
        self.inner = inner
        self.peers = inner.peers
        self.injected: deque[Injected] = deque(maxlen=_REMEMBERED)
        self._plan = plan or FaultPlan()
        self._clock = clock
        self._ways: dict[str, _Way] = {}
        self._duplicates: set[asyncio.Task[None]] = set()

    # What a test does by hand

    def cut(self, target: str, seconds: float = math.inf) -> None:
        """Cut the link to a node: calls under way to it fail, and so do others for a while.

        Args:
            target: The id of the node.
            seconds: How long it stays down; by default until `mend`.
        """
        self._way(target).link.cut(seconds)

    def mend(self, target: str) -> None:
        """Let calls to a node through again, whatever has cut the link to it."""
        self._way(target).link.mend()

    # What it leaves to the other

    @property
    def port(self) -> int:
        """The port that the other listens on; 0 where it has none."""
        port: int = getattr(self.inner, "port", 0)
        return port

    @override
    def attach(self, endpoint: Endpoint) -> None:
        """Become the transport of a node, and the other with it."""
        super().attach(endpoint)
        self.inner.attach(endpoint)

    @override
    async def start(self) -> None:
        """Begin to accept requests."""
        if self._plan.rules:
            told = "node %r: %d rules have things go wrong with the calls that it makes: this is for tests"
            logger.warning(told, self.endpoint.node_id, len(self._plan.rules))
        await self.inner.start()

    @override
    async def stop(self) -> None:
        """Stop accepting requests, and forget what has happened to the links."""
        duplicates, self._duplicates = self._duplicates, set()
        for task in duplicates:
            task.cancel()
        await asyncio.gather(*duplicates, return_exceptions=True)
        await self.inner.stop()
        self._ways.clear()

    @override
    async def reach(self, node_id: str, host: str, port: int) -> None:
        """Learn where a node is."""
        await self.inner.reach(node_id, host, port)

    @override
    def doubt(self, node_id: str) -> None:
        """Have the next `reach` of the inner transport make a new channel."""
        self.inner.doubt(node_id)

    @override
    def hosted_by(self, host: Host | None) -> None:
        """Let the inner transport's nodes be called over streams that they have opened."""
        self.inner.hosted_by(host)

    @override
    def absence(self, node_id: str) -> str:
        """What to say of a node that does not answer."""
        return self.inner.absence(node_id)

    @override
    async def welcome(self, peer: Peer) -> None:
        """Note a node that was reached and has introduced itself."""
        await self.inner.welcome(peer)

    @override
    async def forget(self, node_id: str) -> None:
        """Give back what `reach` made for a node that did not answer."""
        await self.inner.forget(node_id)

    @property
    @override
    def exposed(self) -> bool:
        """Whether other machines can reach this node in plain text."""
        return self.inner.exposed

    # Calls

    def _way(self, target: str) -> _Way:
        found = self._ways.get(target)
        if found is None:
            fates = Fates(self._plan, self.endpoint.node_id, target)
            found = self._ways[target] = _Way(Link(target, self._clock, self.injected.append), fates)
        return found

    @override
    async def send(self, target: str, message: Message) -> Message:
        """Call a node."""
        link, fates = self._way(target)
        link.check()
        fate = fates.next(message)
        items = message.items = self._items(link, fate, message.items)
        try:
            return await link.through(self._exchanged(link, fate, message), message.method)
        finally:
            if items is not None:
                await close(items)

    async def _exchanged(self, link: Link, fate: Fate, message: Message) -> Message:
        there, back = fate.next("request"), fate.next("reply")  # both now, in the order of the calls
        await link.carry("request", there, message.payload)
        if message.items is None:
            self._send_again(link, there, message)
        try:
            reply = await self.inner.send(message.target, message)
        except RpcError as error:
            if not isinstance(error, RetriableError):  # an answer, which travels as others do
                await link.carry("reply", back, error.message)
            raise
        await link.carry("reply", back, reply.payload)
        return reply

    @override
    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Call a streaming method of a node."""
        link, fates = self._way(target)
        link.check()
        cuts, fate = link.cuts, fates.next(message)
        await link.through(link.carry("request", fate.next("request"), message.payload), message.method)
        sent = message.items = self._items(link, fate, message.items)
        items = self.inner.stream(target, message)

        async def following() -> Any:
            link.check_uncut(cuts)
            item = await next_item(items)
            await link.carry("reply", fate.next("reply"), item)
            return item

        try:
            while True:
                try:
                    item = await link.through(following(), message.method)
                except StopAsyncIteration:
                    return
                yield item
        finally:
            await close(items)
            if sent is not None:
                await close(sent)

    def _items(self, link: Link, fate: Fate, items: AsyncIterator[Any] | None) -> AsyncIterator[Any] | None:
        """The items of a request, each a message on its way."""

        async def carried(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for item in items:
                await link.carry("request", fate.next("request"), item)
                yield item

        return None if items is None else carried(items)

    def _send_again(self, link: Link, strikes: list[Strike], message: Message) -> None:
        for strike in strikes:
            if strike.injected.kind == "duplicate":
                self.injected.append(strike.injected)
                again = replace(message, progress=None, turn=None)
                work = self._arrive_again(link, again, strike.seconds or 0.0)
                task = asyncio.create_task(work, name=f"oiafed-duplicate {message.method}", context=outside_of_calls())
                self._duplicates.add(task)
                task.add_done_callback(self._duplicates.discard)

    async def _arrive_again(self, link: Link, message: Message, seconds: float) -> None:
        """Send a request once more; nobody waits for what comes of it."""
        await self._clock.sleep(seconds)
        with contextlib.suppress(RpcError):
            link.check()
            await link.through(self.inner.send(message.target, message), message.method)


class _Way(NamedTuple):
    """What leads to one node, and what befalls the calls on it."""

    link: Link
    fates: Fates

"""Moves the transfers of the calls over one channel, from the side that has opened it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from oiafed_rpc.body import Body
from oiafed_rpc.bulk.calls import BulkCalls, Sender
from oiafed_rpc.bulk.errors import LaneUnfit, TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.lanes.choice import LaneKind, Lanes
from oiafed_rpc.bulk.lanes.stream import StreamLane
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.motion import Breaks, in_motion
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.reference import Reference, split, with_reference
from oiafed_rpc.bulk.telling import Telling
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.message import Encoded, Message

_Attempt = Callable[..., Awaitable[None]]


class _Begun(NamedTuple):
    """A transfer that the other side has, or a part of it.

    Attributes:
        addressed: The transfer as that side knows it.
        keep: Takes back that it is dropped there once it dies here.
    """

    addressed: Outgoing
    keep: Callable[[], object]


class Courier:
    """Moves the transfers of the calls over one channel.

    Args:
        sender: The channel.
        kinds: The lanes beside the stream that may be opened, the best first.
        limit: Bytes of the largest transfer.
        idle: Seconds that a transfer may stand still.
    """

    def __init__(self, sender: Sender, kinds: Sequence[LaneKind], limit: int, idle: float) -> None:
        self._sender = sender
        self._limit = limit
        self._idle = idle
        self._lanes = Lanes(kinds)
        self._begun: weakref.WeakKeyDictionary[Outgoing, _Begun] = weakref.WeakKeyDictionary()
        self._able: bool | None = None
        self._telling = Telling()

    @property
    def unable(self) -> bool:
        """Whether the node at the other end is known not to take transfers."""
        return self._able is False

    async def able(self, message: Message) -> bool:
        """Whether the node at the other end takes transfers; asked once."""
        if self._able is None:
            try:
                await BulkCalls(self._sender, message).open([])
            except RpcError as error:
                if error.code is not Code.UNIMPLEMENTED:
                    raise
                self._able = False
            else:
                self._able = True
        return self._able

    async def deliver(self, body: Body, outgoing: Outgoing, message: Message) -> bytes:
        """Bring the buffers of a body to the node that is called; gives the bytes that stand for all of it.

        Args:
            body: The body.
            outgoing: The transfer of its buffers.
            message: The call that it is for.

        Raises:
            RetriableError: where the link broke or stood still for too long, or the node had no room for it all the
                time; the call has not run.
            RpcError: where the node refuses the transfer.
        """
        meter = self._meter(message, outgoing.size, sending=True)
        again = outgoing in self._begun
        addressed = (self._begun.get(outgoing) or self._begin(outgoing, message)).addressed

        async def attempt(lane: Lane, *, resume: bool) -> None:
            await lane.push(addressed, meter, resume=resume or again)

        await self._carry(attempt, meter, message)
        return with_reference(body.data, addressed.id)

    def _begin(self, outgoing: Outgoing, message: Message) -> _Begun:
        addressed = outgoing.addressed()
        keep = self._telling.when_dead(outgoing, BulkCalls(self._sender, message), addressed.id)
        begun = self._begun[outgoing] = _Begun(addressed, keep)
        return begun

    async def fetch(self, data: bytes, message: Message) -> Body:
        """A body of which the buffers were left behind, and are fetched.

        Raises:
            RetriableError: where the link broke or stood still for too long; NOT_FOUND where the node no longer has
                them, and would have to be called again.
            RpcError: RESOURCE_EXHAUSTED where they are too large.
        """
        reference, rest = split(data)
        try:
            return Body(rest, (), await self._fetched(reference, message))
        except BaseException as error:  # whatever it is: another attempt of the call has another reply
            self._telling.drop(BulkCalls(self._sender, message), reference.id)
            if not (isinstance(error, RpcError) and error.code is Code.NOT_FOUND):
                raise
            told = f"{message.method} ran on node {message.target!r}, but its result is gone: {error.message}"
            raise RetriableError(told, {"node": message.target}, code=Code.NOT_FOUND, ran=True) from None

    async def _fetched(self, reference: Reference, message: Message) -> list[memoryview]:
        incoming = Incoming(reference.id, reference.sizes, self._limit)
        await self._wait_for_turn(message, reference.id)
        meter = self._meter(message, incoming.size, sending=False)

        async def attempt(lane: Lane, *, resume: bool) -> None:
            meter.resume(incoming.received)
            try:
                await lane.pull(incoming, meter)
            except (ConnectionError, TimeoutError, RetriableError):
                if not incoming.complete:  # else the other side just was not told that all of it is here
                    raise

        await self._carry(attempt, meter, message)
        return incoming.buffers

    def answered(self, outgoing: Outgoing) -> None:
        """Learn that the call of a transfer was answered, and has taken it; else it is dropped once it dies here."""
        if (begun := self._begun.pop(outgoing, None)) is not None:
            begun.keep()

    async def taken(self, outgoing: Outgoing, data: bytes, message: Message) -> None:
        """Wait until the call at the other end has taken a transfer, which is held for it as long as this waits.

        Args:
            outgoing: The transfer.
            data: What `deliver` gave for it.
            message: The call.
        """
        await BulkCalls(self._sender, message).taken(split(data)[0].id)
        self.answered(outgoing)

    async def close(self) -> None:
        """Close the lanes; transfers under way fail."""
        try:
            await self._telling.close()
        finally:  # also where who waits is cancelled
            await self._lanes.close()

    def _meter(self, message: Message, size: int, *, sending: bool) -> Meter:
        return Meter(
            message.method,
            message.target,
            size,
            sending=sending,
            idle=self._idle,
            progress=message.progress,
            call=message,
        )

    async def _wait_for_turn(self, message: Message, transfer_id: bytes) -> None:
        """Wait until there is room for a reply; the node that has it is told now and then that it is still wanted."""
        if message.turn is None:
            return
        left, pause = message.time_left() or 0.0, self._idle / 3
        while True:
            message.keep(left + self._idle)
            try:
                async with asyncio.timeout(pause):
                    await message.turn.enter()
                break
            except TimeoutError:
                await BulkCalls(self._sender, message).received(transfer_id)
        message.keep(left)

    async def _carry(self, attempt: _Attempt, meter: Meter, message: Message) -> None:
        """Try until a transfer is whole, as long as it advances or the link may come back."""
        try:
            await self._attempts(attempt, meter, message)
        except BaseException as error:
            meter.fail(error)
            raise
        meter.finish()

    async def _attempts(self, attempt: _Attempt, meter: Meter, message: Message) -> None:
        calls = BulkCalls(self._sender, message)
        lanes = [*self._lanes.usable(calls), StreamLane(calls, self._telling.begin)]
        broken = Breaks(meter)
        while True:
            meter.lane = lanes[0].name
            try:
                async with in_motion(meter):
                    return await attempt(lanes[0], resume=broken.times > 0)
            except LaneUnfit as reason:
                logger.debug("the lane %s does not carry a transfer of %s: %s", lanes[0].name, message.method, reason)
                lanes.pop(0)
            except (ConnectionError, TimeoutError, RetriableError) as error:
                broken.note(error)
                if broken.for_good:
                    raise _told(error, meter, message) from error
                await asyncio.sleep(broken.pause)


def outgoing_of(body: Body, message: Message) -> Outgoing:
    """The transfer of a request's buffers: the same for all messages of a broadcast, and for a call made again."""
    encoded = message.encoded or Encoded(shared=False)
    if encoded.outgoing is None:
        packing = Packing.of(message.compressor)
        encoded.outgoing = Outgoing(body.runs, packing=packing, shared=encoded.shared)
    return encoded.outgoing


def _told(error: Exception, meter: Meter, message: Message) -> RpcError:
    way = "to" if meter.sending else "from"
    still = f"it stood still for {meter.idle:g} s (timeout.idle)"
    why = error.message if isinstance(error, RpcError) else str(error) or still
    told = (
        f"{message.method}: the transfer {way} node {message.target!r} broke off after {meter.done:,} of "
        f"{meter.total:,} bytes: {why}"
    )
    details = {"node": message.target, "method": message.method}
    if isinstance(error, TransferError):
        return RpcError(Code.DATA_LOSS, told, details)
    failure = RetriableError(told, details, ran=not meter.sending)
    if isinstance(error, RetriableError):
        failure.code, failure.retry_after = error.code, error.retry_after
    return failure

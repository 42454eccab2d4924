"""The lane that always works: calls of gRPC itself, through proxies, TLS and NAT, on the one port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from typing_extensions import override

from oiafed_rpc.bulk.calls import BulkCalls
from oiafed_rpc.bulk.chunk import Chunk, Head
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.streams import close
from oiafed_rpc.system.types import PullRequest, Transfer


class StreamLane(Lane):
    """Carries transfers as streams of `oiafed.v1.Bulk`.

    Args:
        calls: Makes them.
        afterwards: Does what a pull need not wait for.
    """

    name = "stream"

    def __init__(self, calls: BulkCalls, afterwards: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._calls = calls
        self._afterwards = afterwards

    @override
    async def push(self, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
        with _telling_damage():
            start = await self._calls.received(outgoing.id) if resume else 0
            meter.resume(start)
            received = await self._calls.push(_pushed(outgoing, start, meter))
        if received != outgoing.size:
            raise TransferError(f"{received:,} of {outgoing.size:,} bytes have arrived")
        meter.resume(received)  # the call may have ended before the last chunk was counted

    @override
    async def pull(self, incoming: Incoming, meter: Meter) -> None:
        session = incoming.begin()
        complete = asyncio.Event()
        chunks = self._calls.pull(_pulled(incoming.id, incoming.received, incoming.size, complete))
        try:
            with _telling_damage():
                async for head, data in chunks:
                    await session.take(head, data)
                    meter.advance(head.size, head.packed)
                    if incoming.complete:
                        break
        finally:
            if incoming.complete:  # and does not depend on a link that breaks now
                complete.set()
                self._afterwards(_ended(chunks))
            else:
                await close(chunks)
        if not incoming.complete:
            raise TransferError(f"{incoming.received:,} of {incoming.size:,} bytes have come")

    @override
    async def close(self) -> None:
        """Nothing is held: the streams end with their operations."""


async def _pushed(outgoing: Outgoing, start: int, meter: Meter) -> AsyncIterator[Transfer | Chunk]:
    """What a push consists of; a chunk counts once gRPC has room for the next."""
    yield Transfer(id=outgoing.id, sizes=list(outgoing.sizes))
    async for chunk in chunks_of(outgoing, start):
        yield chunk
        meter.advance(chunk.head.size, chunk.head.packed)


async def _pulled(transfer_id: bytes, start: int, size: int, complete: asyncio.Event) -> AsyncIterator[PullRequest]:
    """What a pull asks for; it does not have the transfer, and may be read for longer than that is needed."""
    yield PullRequest(id=transfer_id, offset=start)
    await complete.wait()
    yield PullRequest(id=transfer_id, offset=size)


async def chunks_of(outgoing: Outgoing, start: int) -> AsyncIterator[Chunk]:
    """The chunks of a transfer from a byte on. Each is sent by the time that the next is asked for."""
    while start < outgoing.size:
        chunk = await outgoing.next_chunk(start)
        begun = time.perf_counter()
        yield chunk
        outgoing.told(time.perf_counter() - begun, Head.SIZE + chunk.head.packed)
        start += chunk.head.size
        outgoing.sent(start)


async def _ended(chunks: AsyncIterator[object]) -> None:
    """Wait until a pull has ended."""
    async for _ in chunks:
        pass


@contextmanager
def _telling_damage() -> Generator[None, None, None]:
    """What has arrived changed is to be sent again."""
    try:
        yield
    except RpcError as error:
        if error.code is not Code.DATA_LOSS:
            raise
        raise TransferError(error.message) from error

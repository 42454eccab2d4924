"""Transfers as streams of calls: both ends of the lane that always works, without gRPC between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, cast

import numpy as np
import pytest
from oiafed_rpc import RpcError
from oiafed_rpc.bulk.calls import BulkCalls
from oiafed_rpc.bulk.chunk import CHUNK
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.stream import StreamLane
from oiafed_rpc.bulk.messages import CHUNKS
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.bulk.service import BulkService
from oiafed_rpc.errors import Code, RetriableError
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.types import PullRequest, TransferRequest

LIMIT = 64 << 20
SIZE = 3 * CHUNK + 7
PAYLOAD = np.arange(SIZE, dtype=np.uint8)


class Direct:
    """`BulkCalls` of which the answering side is in this process. A push breaks after a number of messages."""

    def __init__(self, depot: Depot, *, idle: float = 5.0) -> None:
        self.service = BulkService(depot, {}, idle)
        self.breaks_after = 1000
        self.tasks: list[asyncio.Task[None]] = []

    def afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def received(self, transfer_id: bytes) -> int:
        return (await self.service.received(TransferRequest(id=transfer_id))).received

    async def push(self, chunks: AsyncIterator[Any]) -> int:
        return (await self.service.push(cast("Any", self._travelled(chunks, self.breaks_after)))).received

    async def pull(self, requests: AsyncIterator[PullRequest]) -> AsyncIterator[Any]:
        async for chunk in self._travelled(self.service.pull(cast("Any", requests))):
            yield chunk

    async def _travelled(self, items: AsyncIterator[Any], breaks_after: int = 1000) -> AsyncIterator[Any]:
        async for item in items:
            if not breaks_after:
                raise ConnectionResetError("cut")
            breaks_after -= 1
            yield CHUNKS.decode(CHUNKS.encode(item, Serializers()), Serializers())


@pytest.fixture
def depot() -> Depot:
    return Depot(LIMIT, 30.0)


def lane_to(calls: Direct) -> StreamLane:
    return StreamLane(cast("BulkCalls", calls), calls.afterwards)


def meter(size: int = SIZE, *, sending: bool = True) -> Meter:
    return Meter("fit", "learner", size, sending=sending, idle=5.0)


async def test_a_push_that_was_cut_goes_on_and_is_measured_from_where_the_receiver_is(depot: Depot) -> None:
    calls, outgoing, measured = Direct(depot), Outgoing([run_of(PAYLOAD)]), meter()
    calls.breaks_after = 3  # the transfer and two chunks
    with pytest.raises(ConnectionResetError):
        await lane_to(calls).push(outgoing, measured, resume=False)
    calls.breaks_after = 1000
    again = meter()  # as of a call that is made again
    for each in (measured, again):
        await lane_to(calls).push(outgoing, each, resume=True)
        assert each.done == SIZE
    assert bytes(depot.take(outgoing.id)[0]) == PAYLOAD.tobytes()


async def test_a_pull_brings_what_is_missing(depot: Depot) -> None:
    outgoing = Outgoing([run_of(PAYLOAD)])
    depot.depart(outgoing)
    incoming = Incoming(outgoing.id, outgoing.sizes, LIMIT)
    head, views = outgoing.chunk(0)
    incoming.begin().accept(head, b"".join(views))
    measured = meter(sending=False)
    calls = Direct(depot)
    await lane_to(calls).pull(incoming, measured)
    assert (measured.done, bytes(incoming.buffers[0])) == (SIZE - CHUNK, PAYLOAD.tobytes())
    assert len(depot) == 1
    await calls.tasks.pop()
    assert not len(depot)  # it was told that all is there


async def test_a_pull_does_not_wait_until_the_other_side_knows_that_all_is_here(depot: Depot) -> None:
    outgoing = Outgoing([run_of(PAYLOAD)])
    depot.depart(outgoing)
    incoming, calls = Incoming(outgoing.id, outgoing.sizes, LIMIT), Direct(depot)

    def broken(_: Depot, transfer_id: bytes) -> None:
        raise ConnectionResetError(f"cut before {transfer_id.hex()} was known to be here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Depot, "delivered", broken)
        await lane_to(calls).pull(incoming, meter(sending=False))
        with pytest.raises(ConnectionResetError):
            await calls.tasks.pop()
    depot.clear()
    assert bytes(incoming.buffers[0]) == PAYLOAD.tobytes()


async def test_what_packs_the_chunks_learns_of_the_link(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(Packing, "told", lambda _, seconds, wire: told.append(wire))
    outgoing = Outgoing([run_of(PAYLOAD)], packing=Packing(3, shuffle=False))
    await lane_to(Direct(depot)).push(outgoing, meter(), resume=False)
    assert len(told) >= 3  # of 4: when the last has come the call ends
    depot.clear()


@pytest.mark.parametrize(
    ("offset", "code", "problem"),
    [(SIZE + 1, Code.INVALID_ARGUMENT, "no byte 3,145,736"), (SIZE, Code.INVALID_ARGUMENT, "ended before")],
)
async def test_a_pull_that_makes_no_sense_is_refused(depot: Depot, offset: int, code: Code, problem: str) -> None:
    outgoing = Outgoing([run_of(PAYLOAD)])
    depot.depart(outgoing)

    async def requests() -> AsyncIterator[PullRequest]:
        yield PullRequest(id=outgoing.id, offset=offset)

    with pytest.raises(RpcError, match=problem) as refused:
        assert not [chunk async for chunk in Direct(depot).pull(requests())]
    assert refused.value.code is code
    assert len(depot) == 1  # it can still be fetched
    depot.clear()


async def test_a_pull_without_a_request_is_refused(depot: Depot) -> None:
    async def requests() -> AsyncIterator[PullRequest]:
        return
        yield

    with pytest.raises(RpcError, match="the pull ended before"):
        assert not [chunk async for chunk in Direct(depot).pull(requests())]


async def test_a_push_that_ends_early_is_an_error_of_its_sender(depot: Depot) -> None:
    async def nothing() -> AsyncIterator[Any]:
        return
        yield

    with pytest.raises(RpcError, match="the push ended before"):
        await Direct(depot).push(nothing())


async def test_a_push_that_stands_still_may_be_resumed(depot: Depot) -> None:
    class Stopping(Direct):
        async def push(self, chunks: AsyncIterator[Any]) -> int:
            async def first() -> AsyncIterator[Any]:
                yield await anext(chunks)
                await asyncio.Event().wait()

            return await super().push(first())

    with pytest.raises(RetriableError, match="stood still"):
        await lane_to(Stopping(depot, idle=0.05)).push(Outgoing([run_of(PAYLOAD)]), meter(), resume=False)
    depot.clear()


async def test_a_chunk_that_has_changed_is_told_from_a_link_that_broke(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    outgoing = Outgoing([run_of(PAYLOAD)])
    first = outgoing.chunk(0)
    wrong = first._replace(head=first.head._replace(checksum=first.head.checksum ^ 1))
    monkeypatch.setattr(outgoing, "_made", lambda offset, packed: wrong)
    with pytest.raises(TransferError, match="has arrived changed"):
        await lane_to(Direct(depot)).push(outgoing, meter(), resume=False)
    depot.clear()

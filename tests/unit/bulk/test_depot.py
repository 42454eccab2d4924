"""Transfers held for those who are to have them, and no longer than that."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.testing import ManualClock

_IDS = (bytes([count]) * 16 for count in itertools.count(1))
_IDLE = 30.0


class _Segment:
    closed = False

    def close(self) -> None:
        self.closed = True


def _outgoing(data: bytes = b"weights", name: bytes | None = None) -> Outgoing:
    outgoing = Outgoing([run_of(data)], id=name)
    outgoing.segment = _Segment()
    return outgoing


def _fill(incoming: Incoming, data: bytes) -> None:
    chunk = _outgoing(data).chunk(0)
    incoming.begin().accept(chunk.head, b"".join(chunk.views))


def _code(error: pytest.ExceptionInfo[RpcError]) -> Code:
    return error.value.code


async def test_what_has_arrived_is_taken_once() -> None:
    depot, name = Depot(100, _IDLE, ManualClock(0)), next(_IDS)
    incoming = depot.arrive(name, [7])
    assert depot.arrive(name, (7,)) is incoming
    with pytest.raises(RpcError, match="0 bytes of it have") as early:
        depot.take(name)
    _fill(incoming, b"weights")
    assert (depot.received(name), len(depot)) == (7, 1)
    assert [bytes(each) for each in depot.take(name)] == [b"weights"]
    assert (depot.received(name), len(depot)) == (0, 0)
    with pytest.raises(RpcError, match="has not arrived") as late:
        depot.take(name)
    assert _code(early) == _code(late) == Code.FAILED_PRECONDITION


async def test_an_id_has_one_transfer() -> None:
    depot, name, other = Depot(100, _IDLE, ManualClock(0)), next(_IDS), next(_IDS)
    depot.arrive(name, [7])
    depot.depart(_outgoing(name=other))
    for each, sizes in ((name, [8]), (name, [3, 4]), (other, [7]), (b"short", [7])):
        with pytest.raises(RpcError) as error:
            depot.arrive(each, sizes)
        assert _code(error) == Code.INVALID_ARGUMENT
    with pytest.raises(RpcError) as error:
        depot.take(other)
    assert _code(error) == Code.FAILED_PRECONDITION
    with pytest.raises(RpcError) as error:
        depot.departing(name)
    assert _code(error) == Code.NOT_FOUND
    with pytest.raises(RpcError) as error:
        depot.arrive(next(_IDS), [101])
    assert _code(error) == Code.RESOURCE_EXHAUSTED
    assert len(depot) == 2
    depot.clear()


async def test_what_departs_is_held_until_it_is_delivered() -> None:
    depot, outgoing = Depot(100, _IDLE, ManualClock(0)), _outgoing()
    segment = outgoing.segment
    depot.depart(outgoing)
    assert depot.departing(outgoing.id) is outgoing
    depot.delivered(outgoing.id)
    depot.delivered(outgoing.id)
    assert isinstance(segment, _Segment)
    assert segment.closed
    with pytest.raises(RpcError, match="fetched already"):
        depot.departing(outgoing.id)


async def test_what_nobody_touches_is_dropped_and_nothing_is_left_running() -> None:
    clock = ManualClock(0)
    depot, name, outgoing = Depot(100, _IDLE, clock), next(_IDS), _outgoing()
    session = depot.arrive(name, [7]).begin()
    await clock.advance(20)
    depot.depart(outgoing)
    await clock.advance(9)
    assert (len(depot), clock.sleeping) == (2, 1)
    await clock.advance(1)
    assert (len(depot), clock.sleeping) == (1, 1)
    with pytest.raises(TransferError, match="given up"):
        session.room(7)
    await clock.advance(20)
    assert (len(depot), clock.sleeping) == (0, 0)
    assert outgoing.segment is None
    assert len(asyncio.all_tasks()) == 1


async def test_what_is_touched_or_moves_is_kept() -> None:
    clock = ManualClock(0)
    depot, arriving, outgoing, polled = Depot(100, _IDLE, clock), next(_IDS), _outgoing(), _outgoing()
    incoming = depot.arrive(arriving, [6])
    depot.depart(outgoing)
    depot.depart(polled)
    for step in range(3):
        await clock.advance(20)
        depot.touch(arriving)
        depot.departing(outgoing.id)
        assert depot.received(polled.id) == 0
        assert len(depot) == 3, step
    _fill(incoming, b"abcdef")
    outgoing.sent(3)
    await clock.advance(29)
    assert len(depot) == 3
    await clock.advance(2)
    assert (len(depot), depot.received(arriving), depot.departing(outgoing.id)) == (2, 6, outgoing)
    await clock.advance(31)
    assert (len(depot), clock.sleeping) == (0, 0)


async def test_who_waits_learns_when_a_transfer_is_gone() -> None:
    clock = ManualClock(0)
    depot, taken, dropped = Depot(100, _IDLE, clock), next(_IDS), next(_IDS)
    delivered = _outgoing()
    await depot.gone(taken)  # it is not here
    _fill(depot.arrive(taken, [2]), b"ab")
    depot.arrive(dropped, [1])
    depot.depart(delivered)
    waits = {name: asyncio.ensure_future(depot.gone(name)) for name in (taken, dropped, delivered.id)}
    await clock.advance(0)
    assert not any(wait.done() for wait in waits.values())
    depot.take(taken)
    await waits[taken]
    depot.delivered(delivered.id)
    await waits[delivered.id]
    assert not waits[dropped].done()
    await clock.advance(_IDLE)
    await waits[dropped]


async def test_all_is_dropped_at_once() -> None:
    clock = ManualClock(0)
    depot, outgoing = Depot(100, _IDLE, clock), _outgoing()
    depot.depart(outgoing)
    depot.arrive(next(_IDS), [1])
    waiting = asyncio.ensure_future(depot.gone(outgoing.id))
    await clock.until_sleeping()
    depot.clear()
    await waiting
    await clock.advance(0)
    assert (len(depot), clock.sleeping, outgoing.segment) == (0, 0, None)
    depot.arrive(next(_IDS), [1])  # and it can be used again
    await clock.advance(_IDLE)
    assert (len(depot), clock.sleeping) == (0, 0)

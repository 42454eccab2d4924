"""What leaves one memory is what arrives in the other, chunk by chunk."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc.bulk import incoming as incoming_module
from oiafed_rpc.bulk import outgoing as outgoing_module
from oiafed_rpc.bulk.chunk import CHUNK, Head, checksum
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.maps import address_of
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.wire.compression import Zstd

_LIMIT = 1 << 30


def carry(outgoing: Outgoing, incoming: Incoming, chunks: int | None = None) -> None:
    """Bring chunks from one to the other: all, or so many."""
    session = incoming.begin()
    while incoming.received < outgoing.size and chunks != 0:
        chunk = outgoing.chunk(incoming.received)
        session.accept(Head.from_bytes(chunk.head.to_bytes()), b"".join(chunk.views))
        outgoing.sent(incoming.received)
        chunks = None if chunks is None else chunks - 1


@pytest.mark.parametrize("packing", [None, Packing(3, True), Packing(1, False)])
@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_any_size_arrives(size: int, packing: Packing | None) -> None:
    data = np.arange(size, dtype=np.uint32).view(np.uint8)[:size]
    outgoing = Outgoing([run_of(b"before"), run_of(data), run_of(b"")], packing=packing)
    incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
    carry(outgoing, incoming)
    assert incoming.complete
    assert [bytes(each) for each in incoming.buffers] == [b"before", data.tobytes(), b""]


@pytest.mark.parametrize("sizes", [[], [0], [0, 0]])
def test_an_empty_transfer_is_complete_at_once(sizes: list[int]) -> None:
    incoming = Incoming(bytes(16), sizes, 0)
    assert incoming.complete
    assert [bytes(each) for each in incoming.buffers] == [b""] * len(sizes)
    assert Outgoing([run_of(bytes(size)) for size in sizes]).size == 0
    with pytest.raises(TransferError, match="not within"):
        incoming.begin().room(1)


def test_another_attempt_goes_on_where_the_former_one_was_cut() -> None:
    data = np.random.default_rng(0).bytes(5 * CHUNK + 5)
    outgoing = Outgoing([run_of(data[: CHUNK // 2]), run_of(data[CHUNK // 2 :])])
    incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
    for chunks in range(1, 7):
        carry(outgoing, incoming, 1)
        assert incoming.received == min(chunks * CHUNK, outgoing.size)
    assert b"".join(incoming.buffers) == data


def test_too_much_is_refused_before_there_is_memory_for_it() -> None:
    for sizes in ([11], [1] * 11, [1 << 62]):
        with pytest.raises(RpcError, match=r"transport\.max_message_size") as error:
            Incoming(bytes(16), sizes, 10)
        assert error.value.code is Code.RESOURCE_EXHAUSTED
    with pytest.raises(RpcError, match="at most"):
        Incoming(bytes(16), [0] * ((1 << 20) + 1), 10)
    with pytest.raises(RpcError, match="can't have -1"):
        Incoming(bytes(16), [2, -1], 10)


def test_compressors_that_know_nothing_of_chunks_are_not_used_for_them() -> None:
    class Other:
        name = "other"

        def compress(self, data: bytes) -> bytes:
            return data

    assert Packing.of(Other()) is None
    assert Packing.of(None) is None
    assert isinstance(Packing.of(Zstd(1, shuffle=False)), Packing)


def _changed(head: Head, **fields: int) -> Head:
    return Head(**{**head._asdict(), **fields})


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ({"offset": 1}, "where the one at 0 was to"),
        ({"offset": CHUNK}, "where the one at 0 was to"),
        ({"size": CHUNK // 2, "packed": CHUNK // 2}, "is to have 524,288 bytes, and has 1,048,576"),
        ({"packed": 7}, "is to have 7 bytes, and has 1,048,576"),
        ({"checksum": 1}, "has arrived changed"),
        ({"packing": 1}, "does not unpack"),
    ],
)
def test_a_head_that_lies_ends_the_attempt_and_nothing_counts(lie: dict[str, int], why: str) -> None:
    outgoing = Outgoing([run_of(np.arange(CHUNK, dtype="u4"))])
    incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
    chunk = outgoing.chunk(0)
    with pytest.raises(TransferError, match=why):
        incoming.begin().accept(_changed(chunk.head, **lie), b"".join(chunk.views))
    assert incoming.received == 0
    carry(outgoing, incoming)
    assert incoming.complete


def test_a_chunk_beyond_the_end_is_refused() -> None:
    incoming, data = Incoming(bytes(16), [10], _LIMIT), bytes(11)
    with pytest.raises(TransferError, match="11 bytes at 0 is not within a transfer of 10"):
        incoming.begin().accept(Head(0, 11, checksum([memoryview(data)], 0), 11), data)


@given(st.integers(0, 2), st.integers(0, 8 * CHUNK - 1))
def test_one_changed_bit_is_noticed(which: int, bit: int) -> None:
    outgoing = _PATTERN
    incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
    carry(outgoing, incoming, which)
    chunk = outgoing.chunk(incoming.received)
    data = bytearray(b"".join(chunk.views))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TransferError, match="arrived changed"):
        incoming.begin().accept(chunk.head, data)


_PATTERN = Outgoing([run_of(np.arange(CHUNK, dtype="u4"))])


def test_a_chunk_in_the_place_of_another_is_noticed() -> None:
    outgoing = Outgoing([run_of(bytes(2 * CHUNK))])  # whose chunks are alike
    assert outgoing.chunk(0).head.checksum != outgoing.chunk(CHUNK).head.checksum


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (Head(0, 0, 0, 0), "1 to 1,048,576 bytes, not 0"),
        (Head(0, CHUNK + 1, 0, CHUNK + 1), "not 1,048,577"),
        (Head(0, 5, 0, 6, 1), "packed into more, 6"),
        (Head(0, 5, 0, 4), "not packed has 4"),
        (Head(0, 5, 0, 5, 0, 4), "not packed"),
        (Head(0, 5, 0, 4, 2), "unknown packing 2; known here: 0, 1"),
    ],
)
def test_heads_that_no_chunk_has(head: Head, why: str) -> None:
    with pytest.raises(TransferError, match=why) as error:
        Head.from_bytes(head.to_bytes())
    assert isinstance(error.value, ValueError)


def test_heads_have_one_size() -> None:
    assert Head.SIZE == len(Head(1, 2, 3, 2).to_bytes()) == 32
    with pytest.raises(TransferError, match="32 bytes, not 31"):
        Head.from_bytes(bytes(31))


@given(st.builds(Head, st.integers(0, 2**64 - 1), st.integers(1, CHUNK), st.integers(0, 2**64 - 1), st.just(1)))
def test_heads_arrive_as_they_were(head: Head) -> None:
    packed = head._replace(packing=1, shuffle=8)
    assert Head.from_bytes(packed.to_bytes()) == packed


def test_another_attempt_takes_over() -> None:
    outgoing = Outgoing([run_of(bytes(3 * CHUNK))])
    incoming, aborted = Incoming(outgoing.id, outgoing.sizes, _LIMIT), list[str]()
    former = incoming.begin(lambda: aborted.append("former"))
    chunk = outgoing.chunk(0)
    former.accept(chunk.head, b"".join(chunk.views))
    former.room(CHUNK)[0][:] = bytes(CHUNK)
    session = incoming.begin(lambda: aborted.append("session"))
    assert aborted == ["former"]
    head = outgoing.chunk(CHUNK).head
    for attempt in (lambda: former.room(1), lambda: former.commit(head), lambda: former.accept(head, bytes(CHUNK))):
        with pytest.raises(TransferError, match="another attempt"):
            attempt()
    session.commit(head)
    incoming.close()
    assert (aborted, incoming.received) == (["former", "session"], 2 * CHUNK)
    with pytest.raises(TransferError, match="given up"):
        session.room(1)


def test_a_connection_that_has_brought_all_is_not_closed() -> None:
    outgoing, aborted = Outgoing([run_of(b"weights")]), list[str]()
    for complete in (True, False):
        incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
        session = incoming.begin(lambda: aborted.append("line"))
        if complete:
            session.accept(outgoing.chunk(0).head, b"weights")
        incoming.close()
        assert bool(aborted) is not complete
        with pytest.raises(TransferError):
            session.room(1)


def test_a_room_spans_buffers_in_order() -> None:
    incoming = Incoming(bytes(16), [3, 0, 4, 5], _LIMIT)
    session, data = incoming.begin(), bytes(range(12))
    filled = 0
    for size in (2, 6, 4):
        views = session.room(size)
        assert sum(map(len, views)) == size
        for view in views:
            view[:] = data[filled : filled + len(view)]
            filled += len(view)
        start = filled - size
        session.commit(Head(start, size, checksum([memoryview(data)[start:filled]], start), size))
    assert [bytes(each) for each in incoming.buffers] == [data[:3], b"", data[3:7], data[7:]]


def test_shared_memory_is_taken_as_it_is() -> None:
    incoming, buffers = Incoming(bytes(16), [3, 4], _LIMIT), [memoryview(bytearray(3)), memoryview(bytearray(4))]
    session = incoming.begin()
    with pytest.raises(TransferError, match="3 bytes in 1 buffers have come, not 7 in 2"):
        incoming.adopt(buffers[:1])
    incoming.adopt(buffers)
    assert incoming.complete
    assert incoming.buffers is buffers
    with pytest.raises(TransferError):
        session.room(1)


@pytest.mark.parametrize("sizes", [[5_000] * 1000, [1 << 22, 3, 1 << 16, 0, (1 << 16) - 1, 64]])
def test_buffers_are_writable_apart_and_aligned(sizes: list[int]) -> None:
    buffers = Incoming(bytes(16), sizes, _LIMIT).buffers
    arrays = [np.frombuffer(each, np.uint8) for each in buffers]
    assert [len(each) for each in arrays] == sizes
    spans = sorted((address_of(each), len(each)) for each in arrays if len(each))
    assert all(address % 64 == 0 for address, _ in spans)
    assert all(address + size <= after for (address, size), (after, _) in itertools.pairwise(spans))
    for each in buffers:
        assert (each.format, each.readonly, each.ndim) == ("B", False, 1)


def test_no_memory_is_taken_before_the_first_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "empty", exhausted)
    incoming = Incoming(bytes(16), [1 << 20], _LIMIT)
    with pytest.raises(RpcError, match="no memory for 1,048,576 bytes") as error:
        incoming.begin()
    assert error.value.code is Code.RESOURCE_EXHAUSTED


async def test_on_the_loop_chunks_are_unpacked_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked_in: list[int] = []
    unpack = incoming_module.unpack

    def watched(*args: Any) -> None:
        unpacked_in.append(threading.get_ident())
        unpack(*args)

    monkeypatch.setattr(incoming_module, "unpack", watched)
    outgoing = Outgoing([run_of(np.zeros(CHUNK // 4, "f4")), run_of(np.random.default_rng(0).bytes(CHUNK))])
    packed = Outgoing(outgoing.layout._runs, packing=Packing(1, True))
    incoming = Incoming(outgoing.id, outgoing.sizes, _LIMIT)
    session = incoming.begin()
    for start in (0, CHUNK):
        chunk = await packed.next_chunk(start)
        await session.take(chunk.head, b"".join(chunk.views))
    assert incoming.complete
    assert len(unpacked_in) == 1
    assert threading.get_ident() not in unpacked_in


async def test_who_is_cancelled_leaves_no_thread_that_unpacks(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        go_on.wait(10)
        ended.set()

    monkeypatch.setattr(incoming_module, "unpack", slow)
    session = Incoming(bytes(16), [10], _LIMIT).begin()
    taking = asyncio.ensure_future(session.take(Head(0, 10, 0, 5, 1), b"12345"))
    await asyncio.to_thread(begun.wait, 10)
    taking.cancel()
    await asyncio.sleep(0)
    assert not taking.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert ended.is_set()


def test_what_is_found_out_of_a_shared_transfer_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    summed: list[int] = []

    def counted(views: Sequence[memoryview], offset: int) -> int:
        summed.append(offset)
        return checksum(views, offset)

    monkeypatch.setattr(outgoing_module, "checksum", counted)
    for shared, times in ((True, 1), (False, 3)):
        outgoing = Outgoing([run_of(bytes(2 * CHUNK))], shared=shared)
        summed.clear()
        assert len({outgoing.chunk(CHUNK).head for _ in range(3)}) == 1
        assert summed == [CHUNK] * times
        outgoing.close()
        assert outgoing.chunk(CHUNK).head.offset == CHUNK


def test_chunks_end_at_multiples_of_their_size_wherever_they_begin() -> None:
    outgoing = Outgoing([run_of(bytes(2 * CHUNK + 3))], shared=True)
    heads = [outgoing.chunk(start).head for start in (0, 5, CHUNK - 1, CHUNK, 2 * CHUNK, 2 * CHUNK + 2)]
    assert [head.size for head in heads] == [CHUNK, CHUNK - 5, 1, CHUNK, 3, 1]
    for offset in (-1, 2 * CHUNK + 3):
        with pytest.raises(ValueError, match="there is no byte"):
            outgoing.chunk(offset)


def test_each_transfer_has_an_id_of_its_own() -> None:
    ids = {Outgoing([]).id for _ in range(3)}
    assert {len(each) for each in ids} == {16}
    assert len(ids) == 3
    assert Outgoing([], id=bytes(16)).id == bytes(16)


def test_receivers_of_a_broadcast_cannot_tell_each_others_names_for_it() -> None:
    outgoing = Outgoing([run_of(b"weights")], shared=True)
    ours, theirs = outgoing.addressed(), outgoing.addressed()
    assert len({outgoing.id, ours.id, theirs.id}) == 3
    assert bytes(ours.chunk(0).views[0]) == bytes(theirs.chunk(0).views[0]) == b"weights"
    placement = _Placement()
    ours.segment = placement
    assert theirs.segment is outgoing.segment is placement
    outgoing.close()
    assert placement.closed
    assert theirs.segment is None


class _Placement:
    closed = False

    def close(self) -> None:
        self.closed = True

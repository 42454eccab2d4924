"""Chunks made smaller and back, and whether that pays."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc.bulk.chunk import CHUNK, ZSTD, Head
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.judge import Judge
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing, shuffled, unpack, unshuffled
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.interceptors.base import Context, Side
from oiafed_rpc.interceptors.compression import CompressionInterceptor
from oiafed_rpc.message import Message


@given(st.binary(max_size=600), st.integers(1, 255))
def test_sorting_bytes_loses_nothing(data: bytes, stride: int) -> None:
    raw = np.frombuffer(data, np.uint8)
    sorted_ = shuffled(raw, stride)
    assert unshuffled(sorted_, stride).tobytes() == data
    assert sorted_[: len(data) // stride].tobytes() == data[: len(data) // stride * stride : stride]


@given(st.binary(min_size=1, max_size=600), st.integers(0, 255), st.data())
def test_what_is_packed_comes_back_in_pieces(data: bytes, stride: int, draw: st.DataObject) -> None:
    raw = np.frombuffer(data, np.uint8)
    packed = zstandard.compress(shuffled(raw, stride).tobytes() if stride else data)
    cut = draw.draw(st.integers(0, len(data)))
    room = bytearray(len(data))
    views = [memoryview(room)[:cut], memoryview(room)[cut:]]
    unpack(Head(0, len(data), 0, len(packed), ZSTD, stride), packed, [view for view in views if view])
    assert room == data


def test_weights_get_smaller_and_more_so_sorted() -> None:
    weights = (np.random.default_rng(0).normal(size=CHUNK // 4) * 0.02).astype("f4")
    raw = run_of(weights).view(0, weights.nbytes)
    plain, sorted_ = Packing(1, False).pack([raw], 4), Packing(1, True).pack([raw], 4)
    assert plain is not None
    assert sorted_ is not None
    assert (plain.shuffle, sorted_.shuffle) == (0, 4)
    assert len(sorted_.data) < 0.9 * len(raw) < len(plain.data) < 0.95 * len(raw)


@pytest.mark.parametrize(("options", "stride"), [({}, 4), ({"shuffle": True}, 4), ({"shuffle": False}, 0)])
async def test_the_interceptor_says_whether_bytes_are_sorted(options: dict[str, bool], stride: int) -> None:
    request = Message("Learner/train", "server", "learner", None)
    sent = await CompressionInterceptor(level=1, **options).intercept_send(request, Context(Side.CALLER, "server"))
    packing = Packing.of(sent.compressor)
    assert packing is not None
    weights = (np.random.default_rng(0).normal(size=CHUNK // 4) * 0.02).astype("f4")
    chunk = Outgoing([run_of(weights)], packing=packing).chunk(0)
    assert (chunk.head.packing, chunk.head.shuffle) == (ZSTD, stride)


def test_bytes_are_not_sorted_where_that_makes_them_no_smaller() -> None:
    weights = np.zeros(CHUNK // 4, "f4")
    weights[::10] = np.random.default_rng(0).normal(size=len(weights[::10]))
    packing, raw = Packing(1, True), run_of(weights).view(0, weights.nbytes)
    packed = [packing.pack([raw], 4) for _ in range(3)]
    assert [each and each.shuffle for each in packed] == [0, 0, 0]
    assert [each and each.shuffle for each in (Packing(1, True).pack([raw], size) for size in (1, 256))] == [0, 0]


def test_what_is_random_already_is_sent_as_it_is() -> None:
    packing, raw = Packing(3, True), memoryview(np.random.default_rng(0).bytes(CHUNK))
    assert packing.due()
    assert packing.pack([raw], 1) is None
    assert sum(packing.due() for _ in range(160)) == 10  # to see whether it still is


def _bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(bytes(size))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_bomb(1 << 26), "unpacks into more"),
        (_bomb(1001), "unpacks into more"),
        (zstandard.compress(bytes(999)), "unpacks into 999"),
        (zstandard.compress(bytes(1000))[:-1], "unpacks into"),
        (b"", "unpacks into 0"),
        (b"these are no bytes of zstd at all", "does not unpack"),
        (b"\x28\xb5\x2f\xfd\x00\xa0" + bytes(20), "does not unpack"),  # a window of 1 GiB
    ],
    ids=["bomb", "one more", "one fewer", "cut", "empty", "rubbish", "window"],
)
@pytest.mark.parametrize("stride", [0, 4])
def test_what_unpacks_into_something_else_is_refused(data: bytes, why: str, stride: int) -> None:
    room = bytearray(1000)
    with pytest.raises(TransferError, match=why):
        unpack(Head(0, 1000, 0, len(data), ZSTD, stride), data, [memoryview(room)])


def test_packing_pays_where_the_slower_of_packing_and_sending_is_faster_than_sending_raw() -> None:
    for pack, ratio, link, pays in ((1, 0.5, 3, True), (4, 0.5, 3, False), (1, 0.96, 3, False), (0.1, 0.9, 3, True)):
        judge = Judge()
        assert judge.due()  # it was asked for
        judge.packed(pack * 1000, 1000, int(ratio * 1000))
        assert judge.due() is (ratio <= 0.95)  # the link is not known
        judge.sent(link * 500, 500)
        judge.sent(0, 0)
        assert [judge.due() for _ in range(10)] == [pays] * 10


def test_now_and_then_a_chunk_is_packed_to_see_whether_it_pays_by_now() -> None:
    judge = Judge()
    judge.packed(4.0, 1000, 500)
    judge.sent(2.0, 1000)  # twice as fast as packing: a probe after 32 chunks takes a sixteenth of their time
    assert [count for count in range(1, 97) if judge.due()] == [32, 64, 96]
    for _ in range(20):
        judge.sent(16.0, 1000)
    assert judge.due()


def test_a_slow_link_is_sent_packed_chunks_and_a_fast_one_raw_ones() -> None:
    weights = (np.random.default_rng(0).normal(size=CHUNK) * 0.02).astype("f4")
    for seconds, packings in ((1.0, {ZSTD}), (1e-9, {0})):
        outgoing = Outgoing([run_of(weights)], packing=Packing(1, True))
        outgoing.chunk(0)
        outgoing.told(seconds, CHUNK)
        chunks = [outgoing.chunk(start) for start in range(0, outgoing.size, CHUNK)]
        assert {chunk.head.packing for chunk in chunks} == packings
        assert all(sum(map(len, chunk.views)) == chunk.head.packed for chunk in chunks)


def test_threads_pack_side_by_side() -> None:
    packing, data = Packing(1, True), memoryview(np.arange(CHUNK // 4, dtype="f4").tobytes())
    wrong: list[bytes] = []

    def work() -> None:
        for size in range(CHUNK - 200, CHUNK - 190):
            packed, room = packing.pack([data[:size]], 4), bytearray(size)
            assert packed is not None
            unpack(Head(0, size, 0, len(packed.data), ZSTD, packed.shuffle), packed.data, [memoryview(room)])
            if room != data[:size]:
                wrong.append(bytes(room))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


async def test_on_the_loop_chunks_are_packed_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    packed_in: list[int] = []
    pack: Callable[..., object] = Packing.pack

    def watched(self: Packing, views: list[memoryview], itemsize: int) -> object:
        packed_in.append(threading.get_ident())
        return pack(self, views, itemsize)

    monkeypatch.setattr(Packing, "pack", watched)
    outgoing = Outgoing([run_of(np.zeros(CHUNK, "f4"))], packing=Packing(1, True), shared=True)
    chunks = await asyncio.gather(*(outgoing.next_chunk(CHUNK) for _ in range(8)))
    assert {chunk.head.packing for chunk in chunks} == {ZSTD}
    assert len({id(chunk.views[0].obj) for chunk in chunks}) == 1
    assert len(packed_in) == 1  # once for all
    assert threading.get_ident() not in packed_in
    assert outgoing.chunk(CHUNK, packed=False).head.packing == 0

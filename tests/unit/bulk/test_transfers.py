"""What leaves one memory is what arrives in the other, chunk by chunk."""

from __future__ import annotations

import numpy as np
import pytest
from oiafed_rpc.bulk.chunk import CHUNK, Head
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming
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

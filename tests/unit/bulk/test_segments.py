"""Memory that processes share: who may write to what, and when it is used again."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import mmap
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc.bulk.errors import LaneUnfit, TransferError
from oiafed_rpc.bulk.lanes.shared_memory import mapping, room, segments
from oiafed_rpc.bulk.lanes.shared_memory.mapping import ForeignSegment, Loan
from oiafed_rpc.bulk.lanes.shared_memory.segments import Placement, Segment, Segments
from oiafed_rpc.bulk.lanes.shared_memory.table import ALIGNMENT, places, read_table, write_table
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.records import Tensor

pytestmark = pytest.mark.skipif(not mapping.SUPPORTED, reason="shared memory of this kind is Linux's")

ID = bytes(range(16))
_FIXED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW


def _nothing() -> None:
    pass


@pytest.fixture
async def pool() -> AsyncIterator[Segments]:
    made = Segments()
    yield made
    await made.close()


def _memory(size: int, seals: int) -> int:
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


# --- the table


@given(st.lists(st.integers(0, 1 << 20), max_size=40))
def test_buffers_lie_apart_aligned_and_as_the_table_says(sizes: list[int]) -> None:
    offsets, end = places(sizes)
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    assert all(begin + size <= after for begin, size, after in zip(offsets, sizes, [*offsets, end][1:], strict=True))
    memory = memoryview(bytearray(end))
    write_table(memory, 7, sizes)
    assert read_table(memory, 7) == sizes


@given(st.binary(max_size=200))
def test_a_table_of_any_bytes_is_read_or_refused(data: bytes) -> None:
    memory = memoryview(data)
    with pytest.raises(ValueError, match="segment"):
        read_table(memory, 1)


def test_a_table_that_lies_is_refused() -> None:
    memory = memoryview(bytearray(4096))
    write_table(memory, 1, [100])
    for wrong in (lambda: read_table(memory, 2), lambda: read_table(memory, 0)):
        with pytest.raises(ValueError, match="something else"):
            wrong()
    write_table(memory, 1, [1 << 60])
    with pytest.raises(ValueError, match="do not lie within"):
        read_table(memory, 1)
    memory[16:24] = (1 << 60).to_bytes(8, "little")
    with pytest.raises(ValueError, match="no room for a table"):
        read_table(memory, 1)


# --- the receiver's end


@pytest.mark.parametrize("seals", [0, fcntl.F_SEAL_SHRINK, _FIXED, fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE])
def test_memory_that_could_change_its_size_or_be_written_by_anyone_is_refused(seals: int) -> None:
    fd = _memory(4096, seals)
    with pytest.raises(ValueError, match="seals"):
        ForeignSegment(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_files_and_odd_sizes_are_refused() -> None:
    with tempfile.TemporaryFile() as file, pytest.raises(OSError, match="Invalid argument"):
        ForeignSegment(os.dup(file.fileno()))
    for size in (0, 100):
        with pytest.raises(ValueError, match="pages"):
            ForeignSegment(_memory(size, _FIXED | fcntl.F_SEAL_WRITE))


def test_what_a_receiver_writes_stays_with_him_and_the_next_sees_what_is_shared() -> None:
    segment = Segment(1 << 20)
    segment.memory[:] = b"a" * (1 << 20)
    foreign, loans = ForeignSegment(os.dup(segment.fd)), list[Loan]()
    memory = foreign.borrow(loans.append)
    part = memory[100:200]
    memory[5000:5001] = b"x"
    del memory
    assert not loans  # for part of it is still looked at
    del part
    assert foreign.take_back(loans.pop())
    assert segment.memory[5000:5001] == b"a"
    again = foreign.borrow(loans.append)
    assert bytes(again) == b"a" * (1 << 20)
    del again
    assert foreign.take_back(loans.pop())
    foreign.close()
    segment.close()


def test_a_mapping_that_was_only_read_is_used_again_and_shows_what_is_new() -> None:
    segment = Segment(1 << 20)
    foreign, loans = ForeignSegment(os.dup(segment.fd)), list[Loan]()
    first = foreign.borrow(loans.append)
    address = np.frombuffer(first, np.uint8).ctypes.data
    assert not any(first)
    del first
    foreign.take_back(loans.pop())
    segment.memory[:] = b"b" * (1 << 20)
    second = foreign.borrow(loans.append)
    assert np.frombuffer(second, np.uint8).ctypes.data == address
    assert bytes(second) == b"b" * (1 << 20)
    third = foreign.borrow(loans.append)  # at the same time: not the same memory
    second[0:1] = b"c"
    assert bytes(third[0:1]) == b"b"
    del second, third
    for loan in loans:
        foreign.take_back(loan)
    foreign.close()
    segment.close()


def test_nobody_but_the_sender_can_write_to_a_segment() -> None:
    segment = Segment(mmap.PAGESIZE)
    with pytest.raises(PermissionError):
        mmap.mmap(segment.fd, mmap.PAGESIZE)
    with pytest.raises(PermissionError):
        os.pwrite(segment.fd, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(segment.fd, 1)
    segment.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_meanwhile_spoils_what_is_borrowed() -> None:
    segment = Segment(mmap.PAGESIZE)
    foreign, loans = ForeignSegment(os.dup(segment.fd)), list[Loan]()
    memory = foreign.borrow(loans.append)
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    del memory
    assert not foreign.take_back(loans.pop())
    foreign.close()
    segment.close()


# --- the sender's end


def _outgoing(*sizes: int) -> Outgoing:
    return Outgoing([run_of(np.arange(size, dtype=np.uint8)) for size in sizes])


def _content(placement: Placement, sizes: tuple[int, ...]) -> list[bytes]:
    memory = placement.segment.memory
    return [memory[begin : begin + size] for begin, size in zip(places(sizes)[0], sizes, strict=True)]


@pytest.mark.parametrize("size", [1, 100, (1 << 20) - 1, (1 << 20) + 1, 9_000_001])
async def test_a_transfer_is_copied_to_its_places(pool: Segments, size: int) -> None:
    strided = np.arange(3000, dtype=np.float32).reshape(50, 60).T
    values: list[Tensor] = [np.arange(size, dtype=np.uint8), strided, np.zeros(0), np.arange(77, dtype=np.int16)]
    outgoing = Outgoing([run_of(value) for value in values])
    placement = await pool.place(outgoing, _nothing)
    assert _content(placement, outgoing.sizes) == [value.tobytes() for value in values]


async def test_a_transfer_is_copied_once_for_all_who_want_it(pool: Segments) -> None:
    outgoing = _outgoing(5 << 20)
    first, *others = await asyncio.gather(*(pool.place(outgoing, _nothing) for _ in range(8)))
    assert all(other is first for other in others)
    assert first.generation == 1


async def _freed(give_up: Callable[[], object]) -> None:
    """Wait until the loop has heard of it."""
    give_up()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_segment_is_written_again_only_when_nobody_needs_it(pool: Segments) -> None:
    outgoing = _outgoing(1 << 20)
    placement = await pool.place(outgoing, _nothing)
    segment = placement.lend()
    await _freed(outgoing.close)
    second = await pool.place(_outgoing(1 << 20), _nothing)
    assert second.segment is not segment
    pool.give_back(segment)
    third = await pool.place(_outgoing(1 << 20), _nothing)
    assert third.segment is segment
    assert third.generation == placement.generation + 1
    with pytest.raises(TransferError, match="given up"):
        placement.lend()


async def test_a_transfer_that_nobody_holds_any_more_frees_its_segment(pool: Segments) -> None:
    outgoing = _outgoing(1 << 20)
    segment = (await pool.place(outgoing, _nothing)).segment

    def forget() -> None:
        nonlocal outgoing
        outgoing = _outgoing(1 << 20)
        gc.collect()

    await _freed(forget)
    assert (await pool.place(outgoing, _nothing)).segment is segment


async def test_a_spoilt_segment_is_never_written_again(pool: Segments) -> None:
    outgoing = _outgoing(1 << 20)
    segment = (await pool.place(outgoing, _nothing)).lend()
    await _freed(outgoing.close)
    pool.give_back(segment, spoilt=True)
    assert (await pool.place(_outgoing(1 << 20), _nothing)).segment is not segment


async def test_a_large_segment_is_left_for_large_transfers(pool: Segments) -> None:
    large = _outgoing(8 << 20)
    segment = (await pool.place(large, _nothing)).segment
    await _freed(large.close)
    assert (await pool.place(_outgoing(1 << 20), _nothing)).segment is not segment
    assert (await pool.place(_outgoing(3 << 20), _nothing)).segment is segment


async def test_idle_segments_go_back_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_IDLE_SECONDS", 0.01)
    dropped = asyncio.Event()

    class Watch:
        def dropped(self, segment: Segment) -> None:
            dropped.set()

    pool, watch, outgoing = Segments(), Watch(), _outgoing(1 << 20)
    pool.watch(watch)
    segment = (await pool.place(outgoing, _nothing)).segment
    outgoing.close()
    async with asyncio.timeout(5):
        await dropped.wait()
    await pool.close()
    assert segment.fd == -1


async def test_what_is_too_large_is_left_to_another_lane(pool: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "memory_available", lambda: 4 << 20)
    with pytest.raises(LaneUnfit, match="a quarter of the memory"):
        await pool.place(_outgoing(1 << 20), _nothing)
    monkeypatch.setattr(segments, "_LARGEST", 1 << 19)
    with pytest.raises(LaneUnfit, match="are more than 524,288"):
        await pool.place(_outgoing(1 << 20), _nothing)


async def test_a_system_without_such_memory_is_no_failure(pool: Segments, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with pytest.raises(LaneUnfit, match="Too many open files"):
        await pool.place(_outgoing(1 << 20), _nothing)


class _Held:
    """Memory whose copying waits."""

    nbytes, itemsize = 4 << 20, 1

    def __init__(self) -> None:
        self.reached, self.go_on, self.done_count = threading.Event(), threading.Event(), 0

    def view(self, start: int, stop: int) -> memoryview:
        self.reached.set()
        assert self.go_on.wait(10)
        self.done_count += 1
        return memoryview(bytes(stop - start))

    def done(self, start: int, stop: int) -> None:
        pass


async def test_who_cancels_last_waits_until_no_thread_copies(pool: Segments) -> None:
    held = _Held()
    outgoing = Outgoing([held])
    waiting = [asyncio.create_task(pool.place(outgoing, _nothing)) for _ in range(2)]
    await asyncio.to_thread(held.reached.wait, 10)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    assert waiting[0].cancelled()
    waiting[1].cancel()
    assert not (await asyncio.wait(waiting[1:], timeout=0))[0]
    held.go_on.set()
    await asyncio.wait(waiting[1:])
    assert waiting[1].cancelled()
    assert held.done_count == 1


async def test_memory_that_cannot_be_read_fails_the_copy_and_spares_the_segment(pool: Segments) -> None:
    held = _Held()
    held.view = lambda start, stop: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        await pool.place(Outgoing([held]), _nothing)
    outgoing = _outgoing(4 << 20)
    await _freed(_nothing)
    placement = await pool.place(outgoing, _nothing)
    assert placement.generation == 2


def test_the_memory_of_control_groups_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    8000 kB\n")
    (tmp_path / "cgroup").write_text("1:name=x:/\n0::/a/b\n")
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    for group, most, now in (("a", "5000000", "1000000"), ("a/b", "max", "1000000")):
        (tmp_path / "groups" / group / "memory.max").write_text(most + "\n")
        (tmp_path / "groups" / group / "memory.current").write_text(now + "\n")
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(room, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(room, "_CGROUPS", tmp_path / "groups")
    assert room.memory_available() == 4_000_000
    monkeypatch.setattr(room, "_CGROUP", tmp_path / "none")
    assert room.memory_available() == 8000 << 10
    monkeypatch.setattr(room, "_MEMINFO", tmp_path / "none")
    assert room.memory_available() == 0

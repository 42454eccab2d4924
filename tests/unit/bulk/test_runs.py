"""Memory of any shape, looked at piece by piece."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oiafed_rpc.bulk import maps
from oiafed_rpc.bulk.chunk import CHUNK
from oiafed_rpc.bulk.layout import Layout
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import Contiguous, Strided, run_of

_DTYPES = ("u1", "<f2", ">f4", "<f8", "<c16", "<U3", "S0", "<M8[s]", "?", ml_dtypes.bfloat16, "i1,<f8,S3")


@st.composite
def _arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """Arrays of all dtypes that lie in memory in all ways."""
    dtype = np.dtype(draw(st.sampled_from(_DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6))
    count = int(np.prod(shape)) * dtype.itemsize
    data = np.arange(count, dtype=np.uint32).astype(np.uint8).tobytes()
    array = np.frombuffer(data, dtype).reshape(shape) if count else np.ndarray(shape, dtype)
    if draw(st.booleans()):
        array = np.asfortranarray(array) if array.ndim else array
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    steps = [slice(None, None, draw(st.sampled_from((1, 1, 2, -1, -2)))) for _ in range(array.ndim)]
    array = array[(*steps, ...)]
    if draw(st.booleans()):
        array = np.broadcast_to(array, (draw(st.integers(0, 3)), *array.shape))
    return array


@given(_arrays(), st.data())
def test_any_range_of_any_array(array: np.ndarray[Any, Any], data: st.DataObject) -> None:
    run, expected = run_of(array), array.tobytes()
    assert run.nbytes == len(expected)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    if start < stop:
        view = run.view(start, stop)
        assert (bytes(view), view.format, view.ndim) == (expected[start:stop], "B", 1)
        assert run.itemsize == array.itemsize
    run.done(start, stop)


@given(st.lists(st.integers(0, 9)), st.data())
def test_any_range_of_many_runs(sizes: list[int], data: st.DataObject) -> None:
    parts = [bytes([index % 256] * size) for index, size in enumerate(sizes)]
    layout, expected = Layout([run_of(part) for part in parts]), b"".join(parts)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    views = layout.views(start, stop)
    assert b"".join(views) == expected[start:stop]
    assert all(views)
    assert (layout.size, layout.sizes) == (len(expected), tuple(sizes))


def test_the_size_of_the_elements_is_that_of_the_run_at_a_byte() -> None:
    layout = Layout([run_of(np.zeros(2, "f8")), run_of(b""), run_of(np.zeros(0, "f4")), run_of(b"abc")])
    assert [layout.itemsize(start) for start in (0, 15, 16, 18)] == [8, 8, 1, 1]


@pytest.mark.parametrize(
    "memory", [b"abcd", bytearray(b"abcd"), memoryview(b"abcd"), memoryview(np.array([1684234849], "<u4"))]
)
def test_buffers(memory: Any) -> None:
    run = run_of(memory)
    assert isinstance(run, Contiguous)
    assert bytes(run.view(1, 3)) == b"bc"
    assert isinstance(run_of(memoryview(b"abcd")[::2]), Strided)
    assert bytes(run_of(memoryview(b"abcd")[::-2]).view(0, 2)) == b"db"


def test_contiguous_memory_is_not_copied() -> None:
    array = np.arange(6.0).reshape(2, 3)
    for each in (array, array.astype(ml_dtypes.bfloat16), array.astype("M8[s]"), array.astype(">f4")):
        assert np.shares_memory(np.frombuffer(run_of(each).view(8, 10), np.uint8), each)


def _mapped_bytes(path: Path) -> int:
    """How much of a mapped file is in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    rest = itertools.dropwhile(lambda line: not line.endswith(str(path)), lines)
    return next(int(line.split()[1]) * 1024 for line in rest if line.startswith("Rss:"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_pages_of_a_mapped_file_are_given_back_as_they_are_sent(tmp_path: Path, mode: Any) -> None:
    path = tmp_path / "weights"
    rows = 24
    np.arange(rows * CHUNK // 4, dtype="u4").tofile(path)
    mapped = np.memmap(path, "u4", mode).reshape(rows, -1)
    outgoing = Outgoing([run_of(np.asarray(mapped[1:])), run_of(mapped[:, : CHUNK // 8])])
    most = 0
    for start in range(0, outgoing.size, CHUNK):
        outgoing.chunk(start)
        outgoing.sent(min(start + CHUNK, outgoing.size))
        most = max(most, _mapped_bytes(path))
    if mode == "c":  # what was changed in memory is nowhere else
        assert most >= (rows - 1) * CHUNK
    else:
        assert most <= 4 * CHUNK
    assert int(mapped[3, 5]) == 3 * CHUNK // 4 + 5


def test_what_was_changed_in_a_mapped_file_is_still_there(tmp_path: Path) -> None:
    for mode, kept in (("r+", True), ("c", True)):
        path = tmp_path / mode.strip("+")
        path.write_bytes(bytes(CHUNK))
        mapped: Any = np.memmap(path, np.uint8, mode)  # type: ignore[call-overload]
        mapped[:] = 7
        outgoing = Outgoing([run_of(mapped)])
        outgoing.sent(CHUNK)
        assert (int(mapped.min()) == 7) is kept


def test_a_range_between_others_gives_back_whole_pages_alone() -> None:
    given_back: list[tuple[int, int]] = []

    class _Pages(maps.Pages):
        def __init__(self) -> None: ...

        def give_back(self, low: int, high: int) -> None:
            given_back.append((low, high))

    array = np.zeros((4, 4, 1024), "f4")
    address = maps.address_of(array)
    Strided(array[:, ::2], _Pages()).done(8192, 16384)
    Strided(array[:, :, ::256], _Pages()).done(0, 8)
    assert given_back == [(address + 16384, address + 16384 + 12288)]

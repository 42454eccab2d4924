"""Arrays in pieces: nothing is lost, nothing is copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from oiafed_rpc import pieces


@given(
    array=arrays.arrays(st.sampled_from([np.uint8, np.float32, np.complex128]), arrays.array_shapes(min_dims=1)),
    nbytes=st.integers(1, 200),
)
def test_the_pieces_are_the_array(array: np.ndarray, nbytes: int) -> None:
    parts = list(pieces(array, nbytes))
    assert np.concatenate(parts).tobytes() == array.tobytes()
    assert all(np.shares_memory(part, array) for part in parts)
    assert all(part.nbytes <= nbytes or len(part) == 1 for part in parts)


@pytest.mark.parametrize("array", [np.float64(3).reshape(()), np.zeros((0, 4)), np.zeros((4, 0))])
def test_what_has_no_rows_is_one_piece(array: np.ndarray) -> None:
    (piece,) = pieces(array, 1)
    assert piece is array


def test_a_map_is_read_piece_by_piece(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "weights", np.float32, "w+", shape=(10, 3))
    assert [part.shape for part in pieces(mapped, 48)] == [(4, 3), (4, 3), (2, 3)]
    assert all(isinstance(part, np.memmap) for part in pieces(mapped, 48))


def test_a_piece_has_some_bytes() -> None:
    with pytest.raises(ValueError, match="nbytes must be at least 1, not 0"):
        pieces(np.zeros(3), 0)


def test_a_dict_of_arrays_is_no_array() -> None:
    with pytest.raises(TypeError, match="pieces takes one numpy array, not dict: of a dict, call it with each array"):
        pieces({"w": np.zeros(3)})  # type: ignore[arg-type]

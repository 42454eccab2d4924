"""Weights as a whole: their average, their fingerprint, and a file to keep them in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from oiafed_rpc import Tensors

_UNITS = 2**32  # in one: finer than float32 is, for weights of the size that training likes
_LIMIT = (
    2**53
)  # units of one update: whole numbers up to there are exact in float64, and int64 has room for 1,024 of them


class Average:
    """The mean of weights, each counted as often as it has samples, into which updates are folded as they come.

    It needs room for one sum, however many updates there are. Their order makes no difference, not even to the last
    bit: what is summed are whole numbers, as sums of floats depend on their order.
    """

    def __init__(self) -> None:
        self._sums: Tensors = {}
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._samples = 0

    def add(self, weights: Tensors, samples: int) -> None:
        """Fold an update in.

        Raises:
            ValueError: The weights are not finite, or far larger than weights that learn something.
        """
        for name, tensor in weights.items():
            units = np.rint(tensor.astype(np.float64) * (samples * _UNITS))
            if not (np.abs(units) < _LIMIT).all():
                raise ValueError(f"the weights {name!r} are not finite, or too large")
            self._sums[name] = self._sums.get(name, 0) + units.astype(np.int64)
            self._dtypes[name] = tensor.dtype
        self._samples += samples

    def mean(self) -> Tensors:
        """The mean of the updates so far."""
        whole = self._samples * _UNITS
        return {name: (total / whole).astype(self._dtypes[name]) for name, total in self._sums.items()}


def fingerprint(weights: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype.str} {tensor.shape}\n".encode())
        digest.update(tensor.tobytes())
    return digest.hexdigest()


def identical(one: Tensors, other: Tensors) -> bool:
    """Whether two sets of weights are the same to the bit: names, dtypes, shapes and bytes."""
    return one.keys() == other.keys() and all(
        (one[name].dtype, one[name].shape, one[name].tobytes())
        == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name in one
    )


def save(path: Path, weights: Tensors) -> None:
    """Write weights to a file of numpy's .npz format."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **weights)


def load(path: Path) -> Tensors:
    """Read what `save` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}

"""Weights as a whole: their average, their fingerprint, and a file to keep them in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from oiafed_rpc import Tensors


def average(updates: Sequence[tuple[Tensors, int]]) -> Tensors:
    """The mean of weights, each counted as often as it has samples.

    Sums in the order given and in double precision: the same updates in the same order give the same bits.
    """
    total = sum(samples for _, samples in updates)
    first, _ = updates[0]
    return {
        name: sum((each[name].astype(np.float64) * (count / total) for each, count in updates), np.float64(0)).astype(
            first[name].dtype
        )
        for name in first
    }


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

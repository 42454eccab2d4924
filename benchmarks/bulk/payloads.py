"""What is sent. All of it has been touched before the time is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bulk.contenders.base import Array

_BLOCK = 1 << 22


def _numbers() -> Array:
    return np.random.default_rng(5).standard_normal(_BLOCK, dtype=np.float32) * np.float32(0.05)


def random(nbytes: int) -> Array:
    """Weights as they are while training: their lower bits are noise, which nothing makes smaller."""
    return np.resize(_numbers(), nbytes // 4)


def compressible(nbytes: int) -> Array:
    """Weights with the precision of bfloat16 in float32, of which one in ten is not zero: a sparse update."""
    numbers = _numbers()
    numbers[np.random.default_rng(6).random(_BLOCK) > 0.1] = 0
    numbers.view(np.uint32)[:] &= np.uint32(0xFFFF0000)
    return np.resize(numbers, nbytes // 4)


def mapped(nbytes: int, path: Path) -> Array:
    """A map of a file of that size, which is a hole but for a number at its start."""
    with path.open("wb") as file:
        file.truncate(nbytes)
    np.memmap(path, np.float32, "r+", shape=(nbytes // 4,))[0] = 1
    return np.memmap(path, np.float32, "r", shape=(nbytes // 4,))


def make(kind: str, nbytes: int, folder: Path) -> Array:
    """A payload of one of these kinds."""
    if kind == "mapped":
        return mapped(nbytes, folder / f"payload-{nbytes}")
    return {"random": random, "compressible": compressible}[kind](nbytes)

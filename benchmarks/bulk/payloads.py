"""What is sent. All of it has been touched before the time is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.bulk.contenders.base import Array

_BLOCK = 1 << 20

PIECE = 1 << 22
"""How many numbers of `numbered` belong together."""


def _numbers() -> Array:
    return np.random.default_rng(5).standard_normal(_BLOCK, dtype=np.float32) * np.float32(0.05)


def _repeated(block: Array, nbytes: int) -> Array:
    array = np.empty(nbytes // block.itemsize, block.dtype)
    for start in range(0, len(array), len(block)):
        part = array[start : start + len(block)]
        part[:] = block[: len(part)]
    return array


def random(nbytes: int) -> Array:
    """Weights as they are while training: their lower bits are noise, which nothing makes smaller."""
    return _repeated(_numbers(), nbytes)


def compressible(nbytes: int) -> Array:
    """Weights with the precision of bfloat16 in float32, of which one in ten is not zero: a sparse update."""
    numbers = _numbers()
    numbers[np.random.default_rng(6).random(_BLOCK) > 0.1] = 0
    numbers.view(np.uint32)[:] &= np.uint32(0xFFFF0000)
    return _repeated(numbers, nbytes)


def numbered(nbytes: int, path: Path) -> Array:
    """A map of a file of that size, a hole but for numbers at the start of each piece: 1, 2, 3 ..."""
    with path.open("wb") as file:
        file.truncate(nbytes)
    shape = (nbytes // 4,)
    starts = np.memmap(path, np.float32, "r+", shape=shape)[::PIECE]
    starts[:] = np.arange(1, len(starts) + 1)
    return np.memmap(path, np.float32, "r", shape=shape)


def mapped(nbytes: int, path: Path) -> Array:
    """A map of a file of that size."""
    random(nbytes).tofile(path)
    return np.memmap(path, np.float32, "r", shape=(nbytes // 4,))


def make(kind: str, nbytes: int, folder: Path) -> Array:
    """A payload of one of these kinds."""
    if kind in ("mapped", "numbered"):
        return {"mapped": mapped, "numbered": numbered}[kind](nbytes, folder / f"{kind}-{nbytes}")
    return {"random": random, "compressible": compressible}[kind](nbytes)

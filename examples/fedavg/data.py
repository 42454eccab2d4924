"""The handwritten digits that come with scikit-learn, and each learner's part of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from examples.fedavg.experiment import Experiment

Images: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int64]

PIXELS = 64
CLASSES = 10
_HELD_OUT = 5
"""Every fifth sample is for testing."""


@dataclass(frozen=True)
class Samples:
    """Images and what they show.

    Attributes:
        images: One row of 64 pixels, from 0 to 1, for each sample.
        labels: The digit that each of them shows.
    """

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: npt.NDArray[np.int64]) -> Samples:
        """Some of the samples, in the order of `indices`."""
        return Samples(self.images[indices], self.labels[indices])

    def count(self) -> dict[int, int]:
        """Class → number of its samples."""
        labels: list[int] = self.labels.tolist()
        return dict(sorted(Counter(labels).items()))


@dataclass(frozen=True)
class Part:
    """The data of one learner.

    Attributes:
        train: What it trains on.
        test: What it holds back to test with.
    """

    train: Samples
    test: Samples


def load_digits() -> Samples:
    """All 1797 digits."""
    # scikit-learn has no type information: what it gives is typed here, once.
    found: Any = import_module("sklearn.datasets").load_digits()
    return Samples(np.asarray(found.data, np.float32) / np.float32(16), np.asarray(found.target, np.int64))


def split(samples: Samples, experiment: Experiment) -> list[Part]:
    """Share the samples out, each class in proportions of its own: every learner lacks some classes or nearly so."""
    rng = np.random.default_rng(experiment.seed)
    shares: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(experiment.learners)]
    for label in range(CLASSES):
        members = rng.permutation(np.flatnonzero(samples.labels == label))
        proportions = rng.dirichlet([experiment.skew] * experiment.learners)
        cuts = np.round(np.cumsum(proportions)[:-1] * len(members)).astype(np.int64)
        for share, part in zip(shares, np.split(members, cuts), strict=True):
            share.append(part)
    return [_part(samples.take(rng.permutation(np.concatenate(share)))) for share in shares]


def _part(samples: Samples) -> Part:
    held_out = np.arange(len(samples)) % _HELD_OUT == 0
    return Part(samples.take(np.flatnonzero(~held_out)), samples.take(np.flatnonzero(held_out)))

"""A learner: it trains on its own part of the digits. Nothing here knows how the calls arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from federation.v1 import (
    EvalResult,
    FitConfig,
    FitResult,
    LearnerHandler,
    LearnerInfo,
    NotReady,
    Phase,
    Progress,
)
from oiafed_rpc import Tensors

from examples.fedavg.data import Part, load_digits, split
from examples.fedavg.experiment import Experiment
from examples.fedavg.model import evaluate, train_epoch

RETRY_AFTER = 0.2
"""Seconds in which loading the data makes some headway."""


class Learner(LearnerHandler):
    """Trains and tests weights on one part of the digits.

    Args:
        part: Which part of the data is its own, from 0.
        experiment: How the data are shared out.
    """

    def __init__(self, part: int, experiment: Experiment) -> None:
        if not 0 <= part < experiment.learners:
            raise ValueError(f"part {part} does not exist: there are parts 0 to {experiment.learners - 1}")
        self._part = part
        self._experiment = experiment
        self._data: Part | None = None
        self._progress = Progress(phase=Phase.IDLE, epoch=0, epochs=0, loss=0.0)

    def load(self) -> None:
        """Read the data, which takes seconds; until then, calls that need them raise NotReady."""
        self._data = split(load_digits(), self._experiment)[self._part]

    def describe(self) -> LearnerInfo:
        """Tell what data there is."""
        train = self._ready().train
        return LearnerInfo(samples=len(train), classes=train.count())

    def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        """Train from `weights`; return the update."""
        train = self._ready().train
        rng = np.random.default_rng(self._experiment.seed if config.seed is None else config.seed)
        loss = 0.0
        self._report(Phase.TRAINING, 0, config.epochs, loss)
        for epoch in range(config.epochs):
            weights, loss = train_epoch(
                weights, train, rng, batch_size=config.batch_size, learning_rate=config.learning_rate
            )
            self._report(Phase.TRAINING, epoch + 1, config.epochs, loss)
        self._report(Phase.IDLE, config.epochs, config.epochs, loss)
        return FitResult(weights=weights, samples=len(train), loss=loss)

    def evaluate(self, weights: Tensors) -> EvalResult:
        """Test `weights` on held-out data."""
        test = self._ready().test
        score = evaluate(weights, test)
        return EvalResult(correct=score.correct, samples=len(test), loss=score.loss)

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        """Follow the training until the caller has seen enough."""
        while True:
            yield self._progress
            await asyncio.sleep(every)

    def _ready(self) -> Part:
        if self._data is None:
            raise NotReady(f"part {self._part} of the data is being loaded", retry_after=RETRY_AFTER)
        return self._data

    def _report(self, phase: Phase, epoch: int, epochs: int, loss: float) -> None:
        self._progress = Progress(phase=phase, epoch=epoch, epochs=epochs, loss=loss)

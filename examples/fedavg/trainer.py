"""The trainer: it sends weights out and averages what comes back. Nothing here knows how the calls travel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import TypeAlias

from federation.v1 import (
    EvalResult,
    FitConfig,
    LearnerCollection,
    TrainerHandler,
    TrainerStatus,
)
from oiafed_rpc import Code, RpcError, Tensors

from examples.fedavg.experiment import Experiment
from examples.fedavg.model import initial_weights
from examples.fedavg.roster import when_ready
from examples.fedavg.weights import Average

log = logging.getLogger(__name__)

Loss: TypeAlias = tuple[float, int]
"""A mean loss, and the number of samples that it is of."""


class Trainer(TrainerHandler):
    """Runs an experiment, and tells who asks how it goes.

    Args:
        experiment: What to run.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._learners: list[str] = []
        self._history: list[TrainerStatus] = []
        self._over = False
        self._changed = asyncio.Condition()

    async def run(self, learners: LearnerCollection) -> Tensors:
        """Train all rounds.

        Returns:
            The final weights.

        Raises:
            RpcError: A learner failed.
        """
        experiment = self._experiment
        weights = initial_weights(experiment.hidden, experiment.seed)
        try:
            self._learners = sorted(await when_ready(learners))
            for number in range(1, experiment.rounds + 1):
                weights, losses = await self._fit(learners, weights, self._config(number))
                status = self._status(number, losses, await learners.evaluate(weights=weights))
                log.info("round %d of %d: accuracy %.4f", number, experiment.rounds, status.accuracy or 0.0)
                await self._publish(status)
        finally:
            await self._publish(over=True)
        return weights

    async def _fit(
        self, learners: LearnerCollection, weights: Tensors, config: FitConfig
    ) -> tuple[Tensors, dict[str, Loss]]:
        """Have all learners train, and fold in what each gives when it comes: there need not be room for all of it."""
        average = Average()
        losses: dict[str, Loss] = {}
        async for reply in learners.fit(weights=weights, config=config):
            fit = reply.value
            average.add(fit.weights, fit.samples)
            losses[reply.node_id] = fit.loss, fit.samples
        return average.mean(), losses

    def status(self) -> TrainerStatus:
        """Tell where the run is."""
        return self._history[-1] if self._history else self._status(0, {}, {})

    async def follow(self) -> AsyncIterator[TrainerStatus]:
        """Follow the run; its status after each round from the first on, until it ends."""
        seen = 0
        while seen < self._experiment.rounds:
            for status in await self._since(seen):
                yield status
                seen += 1

    async def _since(self, seen: int) -> list[TrainerStatus]:
        """The status of every round after the first `seen`, as soon as there is one.

        Raises:
            RpcError: ABORTED, where the run ended before.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._over or len(self._history) > seen)
        if len(self._history) == seen:
            raise RpcError(Code.ABORTED, f"the run failed after {seen} of {self._experiment.rounds} rounds")
        return self._history[seen:]

    def _config(self, number: int) -> FitConfig:
        experiment = self._experiment
        tags: dict[str, str] = {"round": str(number)}
        return FitConfig(
            epochs=experiment.epochs,
            learning_rate=experiment.learning_rate,
            batch_size=experiment.batch_size,
            seed=experiment.seed + number,
            tags=tags,
        )

    def _status(self, number: int, losses: Mapping[str, Loss], tests: Mapping[str, EvalResult]) -> TrainerStatus:
        tested = [tests[learner] for learner in sorted(tests)]
        return TrainerStatus(
            round=number,
            rounds=self._experiment.rounds,
            learners=self._learners,
            accuracy=share(sum(test.correct for test in tested), sum(test.samples for test in tested)),
            train_loss=mean([losses[learner] for learner in sorted(losses)]),
            test_loss=mean([(test.loss, test.samples) for test in tested]),
        )

    async def _publish(self, *statuses: TrainerStatus, over: bool = False) -> None:
        async with self._changed:
            self._history.extend(statuses)
            self._over = over
            self._changed.notify_all()


def mean(values: list[Loss]) -> float | None:
    """The mean of values, each counted as often as it has samples; None where there are none."""
    total = sum(samples for _, samples in values)
    return sum(value * samples for value, samples in values) / total if total else None


def share(part: int, whole: int) -> float | None:
    """How much of the whole a part is; None where there is nothing."""
    return part / whole if whole else None

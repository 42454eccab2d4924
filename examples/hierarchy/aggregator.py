"""An aggregator: to the trainer above it is a learner, and to the learners below a trainer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

from federation.v1 import (
    EvalResult,
    FitConfig,
    FitResult,
    LearnerCollection,
    LearnerHandler,
    LearnerInfo,
    Phase,
    Progress,
)
from oiafed_rpc import Tensors

from examples.fedavg.roster import when_ready
from examples.fedavg.trainer import Loss, mean
from examples.fedavg.weights import Average


class Aggregator(LearnerHandler):
    """Answers for all learners below it, as one learner that has the data of all of them.

    Args:
        learners: Those below.
    """

    def __init__(self, learners: LearnerCollection) -> None:
        self._learners = learners
        self._progress = Progress(phase=Phase.IDLE, epoch=0, epochs=0, loss=0.0)

    async def describe(self) -> LearnerInfo:
        """Tell what data there is below."""
        told = await when_ready(self._learners)
        classes: Counter[int] = Counter()
        for info in told.values():
            classes.update(info.classes)
        return LearnerInfo(samples=sum(info.samples for info in told.values()), classes=dict(sorted(classes.items())))

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        """Have all below train, and fold in what each gives when it comes; pass on the mean alone."""
        average = Average()
        losses: list[Loss] = []
        self._progress = Progress(phase=Phase.TRAINING, epoch=0, epochs=config.epochs, loss=0.0)
        async for reply in self._learners.fit(weights=weights, config=config):
            fit = reply.value
            average.add(fit.weights, fit.samples)
            losses.append((fit.loss, fit.samples))
        loss = mean(losses) or 0.0
        self._progress = Progress(phase=Phase.IDLE, epoch=config.epochs, epochs=config.epochs, loss=loss)
        return FitResult(weights=average.mean(), samples=sum(samples for _, samples in losses), loss=loss)

    async def evaluate(self, weights: Tensors) -> EvalResult:
        """Have all below test, and add up."""
        tests = (await self._learners.evaluate(weights=weights)).values()
        loss = mean([(test.loss, test.samples) for test in tests]) or 0.0
        return EvalResult(
            correct=sum(test.correct for test in tests), samples=sum(test.samples for test in tests), loss=loss
        )

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        """Follow the training until the caller has seen enough."""
        while True:
            yield self._progress
            await asyncio.sleep(every)

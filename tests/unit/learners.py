"""A learner for tests: it trains nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

from federation.v1 import EvalResult, FitConfig, FitResult, LearnerHandler, LearnerInfo, NotReady, Phase, Progress
from oiafed_rpc import Tensors


class Echo(LearnerHandler):
    """Gives back the weights that it is sent."""

    def __init__(self, *, ready: bool = True) -> None:
        self._ready = ready

    async def describe(self) -> LearnerInfo:
        if not self._ready:
            raise NotReady("no data yet", retry_after=2.5)
        return LearnerInfo(samples=7, classes={3: 7})

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        return FitResult(weights=weights, samples=config.epochs, loss=config.learning_rate)

    def evaluate(self, weights: Tensors) -> EvalResult:
        return EvalResult(correct=1, samples=len(weights), loss=0.0)

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        for epoch in range(3):
            yield Progress(phase=Phase.TRAINING, epoch=epoch, epochs=3, loss=every)

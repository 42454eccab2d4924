"""Code as a user has it in an editor, which test_editor.py points at."""

from __future__ import annotations

from collections.abc import AsyncIterator

from federation.v1 import (
    EvalResult,
    FitConfig,
    FitResult,
    LearnerCollection,
    LearnerHandler,
    LearnerInfo,
    LearnerProxy,
    NotReady,
    Progress,
    blocking,
)
from metrics.v1 import Kind
from oiafed_rpc.stub import Tensors


async def train(learner: LearnerProxy, learners: LearnerCollection, weights: Tensors) -> list[object]:
    settings = FitConfig(epochs=3, learning_rate=0.1)
    try:
        result = await learner.fit(weights=weights, config=settings)
    except NotReady as error:
        return [error.retry_after]
    replies = await learners.evaluate(weights=result.weights)
    return [replies, Kind.KIND_GAUGE]


def wait(learner: blocking.LearnerProxy, learners: blocking.LearnerCollection) -> None:
    learner.evaluate(weights={})
    learners.watch(every=1.0)


class Learner(LearnerHandler):
    def describe(self) -> LearnerInfo:
        raise NotReady("no data", retry_after=3.0)

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        return FitResult(weights=weights, samples=config.batch_size, loss=0.0)

    async def evaluate(self, weights: Tensors) -> EvalResult:
        return EvalResult(correct=0, samples=1, loss=0.0)

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        raise NotImplementedError
        yield

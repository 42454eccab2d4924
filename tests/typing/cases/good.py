"""Uses of the generated reference federation that are right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import assert_type

from federation.v1 import (
    EvalResult,
    FitConfig,
    FitResult,
    LearnerCollection,
    LearnerHandler,
    LearnerInfo,
    LearnerProxy,
    NotReady,
    Phase,
    Progress,
)
from metrics.v1 import CollectorProxy, Kind, ReportReply, Series, TailRequest
from oiafed_rpc.stub import Tensors


class AsyncLearner(LearnerHandler):
    async def describe(self) -> LearnerInfo:
        raise NotReady("no data", retry_after=1.5)

    async def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        assert_type(config.learning_rate, float)
        assert_type(config.seed, int | None)
        assert_type(config.tags, dict[str, str])
        return FitResult(weights=weights, samples=1, loss=0.5)

    async def evaluate(self, weights: Tensors) -> EvalResult:
        return EvalResult(correct=1, samples=2, loss=0.5)

    async def watch(self, every: float) -> AsyncIterator[Progress]:
        yield Progress(phase=Phase.TRAINING, epoch=1, epochs=2, loss=every)


class SyncLearner(LearnerHandler):
    def describe(self) -> LearnerInfo:
        return LearnerInfo(samples=3, classes={1: 2})

    def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        return FitResult(weights=weights, samples=config.epochs, loss=0.5)

    def evaluate(self, weights: Tensors) -> EvalResult:
        return EvalResult(correct=1, samples=2, loss=0.5)

    def watch(self, every: float) -> Iterator[Progress]:
        yield Progress(phase=Phase.IDLE, epoch=1, epochs=2, loss=every)


async def call_one(learner: LearnerProxy, collector: CollectorProxy) -> None:
    result = await learner.fit(weights={}, config=FitConfig(epochs=1, learning_rate=0.1, seed=3, tags={"a": "b"}))
    assert_type(result, FitResult)
    assert_type(result.weights, Tensors)
    async for progress in learner.watch(every=1.0):
        assert_type(progress.phase, Phase)
    assert_type(await collector.report(node="a", series=[Series(name="loss", kind=Kind.KIND_GAUGE)]), ReportReply)
    async for series in collector.tail(TailRequest(name="loss")):
        assert_type(series.points, list[Series.Point])


def records(config: FitConfig, progress: Progress) -> None:
    config.seed = None
    config.learning_rate = 1
    config.tags["a"] = "b"
    progress.phase = Phase(2)
    number: int = progress.phase
    print(number)
    assert_type(Series.Point(value=1.0, at=datetime.now()), Series.Point)
    assert_type(NotReady(retry_after=1).retry_after, float)


async def options(learner: LearnerProxy, learners: LearnerCollection) -> None:
    quick = learner.with_options(timeout=3, metadata={"a": "b"}, serializer="json")
    assert_type(quick, LearnerProxy)
    assert_type(await quick.fit({}, FitConfig(epochs=1)), FitResult)
    assert_type(learners.with_options(min_replies=2), LearnerCollection)


async def call_many(learners: LearnerCollection) -> None:
    replies = await learners.fit(weights={}, config=FitConfig(epochs=1))
    assert_type(replies["a"], FitResult)
    async for reply in learners.evaluate(weights={}):
        assert_type(reply.node_id, str)
    async for update in learners.watch(every=1.0):
        assert_type(update.value, Progress)
    try:
        await learners.describe()
    except NotReady as error:
        assert_type(error.retry_after, float)


AsyncLearner()
SyncLearner()

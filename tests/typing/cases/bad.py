"""Uses of the generated reference federation that are wrong, each on a line marked `# E:`."""

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
    Phase,
    Progress,
)
from oiafed_rpc.stub import Tensors


async def calls(learner: LearnerProxy, config: FitConfig) -> None:
    await learner.fit(weights={})  # E: missing argument
    await learner.fit(weights={}, config={"epochs": 1})  # E: a dict for a record
    await learner.fit(weights=[], config=config)  # E: a list for tensors
    await learner.fit(weights={}, config=config, timeout=3)  # E: no such parameter
    await learner.train(weights={}, config=config)  # E: no such method
    learner.fit(weights={}, config=config).loss  # E: forgotten await
    result: FitResult = learner.fit(weights={}, config=config)  # E: forgotten await
    number: int = (await learner.evaluate(weights={})).loss  # E: float is not int
    await learner.watch(every=1.0)  # E: a stream is not awaited
    for progress in learner.watch(every=1.0):  # E: a stream is asynchronous
        pass
    async for progress in learner.watch(every="1"):  # E: str is not float
        print(progress.nothing)  # E: no such field
    async for item in learner.describe():  # E: not a stream
        pass
    print(result, number)


async def records() -> None:
    FitConfig()  # E: missing field
    FitConfig(1)  # E: keywords only
    FitConfig(epochs="1")  # E: str is not int
    FitConfig(epochs=1, lr=0.1)  # E: no such field
    FitConfig(epochs=1, tags={"a": 1})  # E: map of strings
    Progress(phase=1, epoch=1, epochs=1, loss=0.0)  # E: int is not the enum
    Progress(phase=Phase.RUNNING, epoch=1, epochs=1, loss=0.0)  # E: no such member
    raise NotReady("no data")  # E: missing field of the error


async def many(learners: LearnerCollection, config: FitConfig) -> None:
    await learners.fit(weights={})  # E: missing argument
    other = await learners.fit(weights={}, config=config)
    loss: str = other["a"].loss  # E: float is not str
    print(loss)


class Lacking(LearnerHandler):
    def describe(self) -> LearnerInfo:
        return LearnerInfo(samples=1)


Lacking()  # E: abstract methods


class Wrong(LearnerHandler):
    def describe(self) -> FitResult:  # E: wrong return type
        raise NotImplementedError

    async def fit(self, weights: Tensors, config: str) -> FitResult:  # E: wrong parameter type
        raise NotImplementedError

    async def evaluate(self, weights: Tensors, extra: int) -> EvalResult:  # E: one parameter too many
        raise NotImplementedError

    async def watch(self, every: float) -> AsyncIterator[FitResult]:  # E: wrong item type
        yield FitResult(weights={}, samples=1, loss=0.0)


class Careless(LearnerHandler):
    async def describe(self) -> LearnerInfo:
        return FitConfig(epochs=1)  # E: not what it returns

    async def watch(self, every: float) -> Progress:  # E: a stream is not one item
        return Progress(phase=Phase.IDLE, epoch=0, epochs=1, loss=0.0)

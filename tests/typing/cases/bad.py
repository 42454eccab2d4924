"""Uses of the generated reference federation that are wrong, each on a line marked `# E:`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

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
from metrics.v1 import CollectorProxy, Kind, Series
from oiafed_rpc.stub import Tensors


async def calls(learner: LearnerProxy, config: FitConfig) -> None:
    await learner.fit(weights={})  # E: missing argument
    await learner.fit(weights={}, config={"epochs": 1})  # E: a dict for a record
    await learner.fit(weights=[], config=config)  # E: a list for tensors
    await learner.fit(weights={}, config=config, timeout=3)  # E: no such parameter
    await learner.train(weights={}, config=config)  # E: no such method
    await learner.fit(config, {})  # E: the wrong order
    await learner.fit({}, config, 3)  # E: one argument too many
    await learner.describe(1)  # E: no parameters
    await learner.fit(weights={"w": [1.0]}, config=config)  # E: a list for an array
    await learner.fit(weights=None, config=config)  # E: not optional
    await learner.with_options(timeot=3).describe()  # E: no such option
    await learner.with_options(timeout="3").describe()  # E: str is not float
    learner.fit(weights={}, config=config)  # E: forgotten await
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
    FitConfig(epochs=None)  # E: not optional
    FitConfig(epochs=1, seed="1")  # E: str is not int
    FitConfig(epochs=1, tags={"a": 1})  # E: map of strings
    Progress(phase=1, epoch=1, epochs=1, loss=0.0)  # E: int is not the enum
    Progress(phase=Phase.RUNNING, epoch=1, epochs=1, loss=0.0)  # E: no such member
    Progress(phase=Kind.KIND_GAUGE, epoch=1, epochs=1, loss=0.0)  # E: another enum
    Series(name="a", kind=Phase.IDLE)  # E: another enum
    Series.Pont(value=1.0)  # E: no such nested type
    raise NotReady("no data")  # E: missing field of the error


def assigned(config: FitConfig, progress: Progress) -> None:
    config.epochs = "3"  # E: str is not int
    config.epochs = None  # E: not optional
    config.tags["a"] = 1  # E: map of strings
    config.lr = 0.1  # E: no such field
    progress.phase = 2  # E: int is not the enum
    progress.phase = Kind.KIND_GAUGE  # E: another enum
    Phase.IDLE = Phase.TRAINING  # E: a value is for good
    word: str = config.epochs  # E: int is not str
    seed: int = config.seed  # E: may be None
    print(word, seed)


def errors(error: NotReady) -> None:
    NotReady("no data", retry_after="1")  # E: str is not float
    NotReady("no data", 1.0)  # E: fields by keyword
    NotReady("no data", retry_after=1.0, until=2.0)  # E: no such field
    NotReady(1, retry_after=1.0)  # E: the message is text
    print(error.until)  # E: no such field
    error.retry_after = "1"  # E: str is not float
    word: str = error.retry_after  # E: float is not str
    print(word)


async def many(learners: LearnerCollection, config: FitConfig) -> None:
    await learners.fit(weights={})  # E: missing argument
    other = await learners.fit(weights={}, config=config)
    loss: str = other["a"].loss  # E: float is not str
    learners.fit(weights={}, config=config)["a"]  # E: forgotten await
    await learners.watch(every=1.0)  # E: a stream is not awaited
    for reply in learners.describe():  # E: replies come asynchronously
        pass
    async for answer in learners.describe():
        print(answer.value.loss)  # E: another record
    await learners.with_options(min_reply=3).describe()  # E: no such option
    print(loss)


async def messages(collector: CollectorProxy) -> None:
    await collector.tail(Kind.KIND_GAUGE)  # E: not the request
    async for series in collector.tail(name="loss"):  # E: takes the request itself
        pass
    await collector.report("a", [FitConfig(epochs=1)])  # E: wrong item type


class Lacking(LearnerHandler):
    def describe(self) -> LearnerInfo:
        return LearnerInfo(samples=1)


Lacking()  # E: abstract methods


class Misspelt(LearnerHandler):
    def describe(self) -> LearnerInfo:
        return LearnerInfo(samples=1)

    def fit(self, weights: Tensors, config: FitConfig) -> FitResult:
        raise NotImplementedError

    def evaluat(self, weights: Tensors) -> EvalResult:
        raise NotImplementedError

    def watch(self, every: float) -> Iterator[Progress]:
        raise NotImplementedError


Misspelt()  # E: an abstract method


class Wrong(LearnerHandler):
    def describe(self) -> FitResult:  # E: wrong return type
        raise NotImplementedError

    async def fit(self, weights: Tensors, config: str) -> FitResult:  # E: wrong parameter type
        raise NotImplementedError

    async def evaluate(self, weights: Tensors, extra: int) -> EvalResult:  # E: one parameter too many
        raise NotImplementedError

    async def watch(self, every: float) -> AsyncIterator[FitResult]:  # E: wrong item type
        yield FitResult(weights={}, samples=1, loss=0.0)


class Few(LearnerHandler):
    def fit(self, weights: Tensors) -> FitResult:  # E: one parameter too few
        raise NotImplementedError

    def watch(self, *, every: float) -> Iterator[Progress]:  # E: not by position
        raise NotImplementedError


class Careless(LearnerHandler):
    async def describe(self) -> LearnerInfo:
        return FitConfig(epochs=1)  # E: not what it returns

    async def evaluate(self, weights: Tensors) -> EvalResult:
        raise NotReady("no data", after=1.0)  # E: no such field of the error

    async def watch(self, every: float) -> Progress:  # E: a stream is not one item
        return Progress(phase=Phase.IDLE, epoch=0, epochs=1, loss=0.0)

"""Uses of fakes that are right: of the reference federation and the golden schema `methods`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from federation.v1 import FitConfig, FitResult, LearnerHandler, NotReady, Progress
from federation.v1.testing import FakeLearner, LearnerFitCall, LearnerWatchCall
from methods.v1 import Mode, Record
from methods.v1.testing import FakeWorker, WorkerEchoCall
from oiafed_rpc import Node, Tensors
from oiafed_rpc.blocking import Node as BlockingNode
from oiafed_rpc.testing import BlockingFederation, Federation, Gate, Received


def scripts(fake: FakeLearner, result: FitResult, progress: Progress) -> LearnerHandler:
    fake.on.fit.returns(result)
    fake.on.fit.returns_each([NotReady(retry_after=1.0), result, TimeoutError])
    fake.on.fit.raises(NotReady(retry_after=1.0))
    fake.on.fit.does(lambda call: FitResult(weights=call.weights, samples=call.config.epochs, loss=0.0))
    assert_type(fake.on.fit.blocks(), Gate)
    fake.on.watch.yields(progress, Gate(), progress, ValueError("no"))
    fake.on.watch.yields_each([[progress], [NotReady(retry_after=1.0)]])
    return fake


async def functions(fake: FakeLearner, result: FitResult, progress: Progress) -> None:
    async def fit(call: LearnerFitCall) -> FitResult:
        assert_type(call.config, FitConfig)
        return result

    def watch(call: LearnerWatchCall) -> Iterator[Progress]:
        yield progress

    async def follow(call: LearnerWatchCall) -> AsyncIterator[Progress]:
        yield progress

    fake.on.fit.does(fit)
    fake.on.watch.does(watch)
    fake.on.watch.does(follow)
    assert_type(await fake.fit({}, FitConfig(epochs=1)), FitResult)
    async for each in fake.watch(1.0):
        assert_type(each, Progress)


async def calls(fake: FakeLearner, weights: Tensors) -> None:
    assert_type(fake.on.fit.calls, list[LearnerFitCall])
    assert_type(fake.on.fit.calls[0].weights, Tensors)
    assert_type(fake.on.fit.calls[0].rpc.source, str)
    assert_type(await fake.on.fit.until_called(2), LearnerFitCall)
    fake.on.fit.assert_called(times=1)
    fake.on.fit.assert_called_once_with(weights=weights, config=FitConfig(epochs=1))
    fake.on.fit.assert_last_called_with(weights, FitConfig(epochs=1))
    fake.on.watch.assert_any_call(every=1.0)


async def streams(fake: FakeWorker) -> None:
    async def echo(call: WorkerEchoCall) -> AsyncIterator[int | None]:
        async for value in call.values:
            assert_type(value, int | None)
            yield value

    fake.on.echo.does(echo)
    fake.on.sum.does(lambda call: call.start + sum(call.numbers))
    fake.on.paint.yields(Mode.FAST)
    fake.on.maybe.returns(None)
    fake.on.nothing.returns(None)
    fake.on.records.returns_each([[Record(name="a")], []])
    assert_type(fake.on.sum.calls[0].numbers, Received[int])
    fake.on.sum.assert_called_once_with(start=1, numbers=[1, 2])
    fake.on.defaults.assert_called_once_with(a=2)


async def federations(federation: Federation, blocking: BlockingFederation) -> None:
    assert_type(await federation.fakes(FakeLearner, 3), list[FakeLearner])
    assert_type(await federation.node("trainer", "trainer", handlers=[FakeLearner()], grace=0), Node)
    assert_type(blocking.fakes(FakeLearner), list[FakeLearner])
    assert_type(blocking.node("trainer", "trainer"), BlockingNode)
    assert_type(federation.nodes["trainer"], Node)

"""Uses of fakes that are wrong, each on a line marked `# E:`."""

from __future__ import annotations

from federation.v1 import FitConfig, FitResult, LearnerInfo, Progress
from federation.v1.testing import FakeLearner, LearnerFitCall
from methods.v1.testing import FakeWorker


async def fit(call: LearnerFitCall) -> LearnerInfo:
    return LearnerInfo(samples=1)


def scripts(fake: FakeLearner, info: LearnerInfo, result: FitResult, progress: Progress) -> None:
    fake.on.fit.returns(info)  # E: the result of another method
    fake.on.fit.returns(result, result)  # E: one result for all calls
    fake.on.fit.returns_each([result, info])  # E: the result of another method
    fake.on.fit.returns_each(result)  # E: no list
    fake.on.fit.raises("broken")  # E: no exception
    fake.on.fit.does(fit)  # E: the result of another method
    fake.on.fit.does(lambda call: call.nothing)  # E: no such argument
    fake.on.fit.yields(result)  # E: not a stream
    fake.on.watch.returns(progress)  # E: a stream
    fake.on.watch.yields(result)  # E: wrong item type
    fake.on.fits.returns(result)  # E: no such method
    fake.fit.returns(result)  # E: the method itself


async def calls(fake: FakeLearner, worker: FakeWorker) -> None:
    fake.on.fit.assert_called_once_with(weights={})  # E: missing argument
    fake.on.fit.assert_called_once_with(weights={}, config=1)  # E: wrong argument type
    fake.on.fit.assert_any_call(weights={}, config=FitConfig(epochs=1), every=1)  # E: unknown argument
    worker.on.sum.assert_called_once_with(start=1, numbers=["a"])  # E: wrong item type
    print(fake.on.fit.calls[0].every)  # E: no such argument
    print(fake.on.fit.until_called().config)  # E: not awaited

"""Fakes: what they answer, what they keep, and what they say."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from federation.v1 import (
    FitConfig,
    FitResult,
    LearnerCollection,
    LearnerHandler,
    LearnerProxy,
    NotReady,
    Phase,
    Progress,
)
from federation.v1.testing import FakeLearner, FakeTrainer, LearnerFitCall
from oiafed_rpc import Code, Node, PartialFailure, RetriableError, RpcError, Tensors
from oiafed_rpc.testing import BlockingFederation, Federation, Gate, UnfinishedCallsError
from oiafed_rpc.testing.stubs.conformance.v1 import Color, OutOfInk, PainterProxy, Point
from oiafed_rpc.testing.stubs.conformance.v1.testing import FakePainter, PainterPaintCall, PainterSumCall

everywhere = pytest.mark.oiafed_transport("memory", "serialized", "grpc")

WEIGHTS: Tensors = {"w": np.arange(6.0).reshape(2, 3), "b": np.zeros(2, np.float32)}
RESULT = FitResult(weights=WEIGHTS, samples=7, loss=0.5)
STEP = Progress(phase=Phase.TRAINING, epoch=1, epochs=3, loss=0.5)


async def _one(federation: Federation) -> tuple[FakeLearner, LearnerProxy]:
    (fake,) = await federation.fakes(FakeLearner)
    trainer = await federation.node("trainer", "trainer")
    return fake, trainer.get_proxy("learner_0", LearnerProxy)


async def _painter(federation: Federation) -> tuple[FakePainter, PainterProxy]:
    (fake,) = await federation.fakes(FakePainter)
    trainer = await federation.node("trainer", "curator")
    return fake, trainer.get_proxy("painter_0", PainterProxy)


@everywhere
class TestUnary:
    async def test_a_result_for_every_call(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        fake.on.fit.returns(RESULT)
        for epochs in (1, 2):
            assert await learner.fit(weights=WEIGHTS, config=FitConfig(epochs=epochs)) == RESULT
        assert [call.config.epochs for call in fake.on.fit.calls] == [1, 2]
        assert fake.on.fit.calls[0].rpc.source == "trainer"
        fake.on.fit.assert_last_called_with(weights=WEIGHTS, config=FitConfig(epochs=2))

    async def test_one_each_and_then_the_lasting_answer(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        other = FitResult(weights={}, samples=1, loss=1.0)
        fake.on.fit.returns(RESULT)
        fake.on.fit.returns_each([other, NotReady(retry_after=2.5), other])
        assert await learner.fit({}, FitConfig(epochs=1)) == other
        with pytest.raises(NotReady) as failure:
            await learner.fit({}, FitConfig(epochs=1))
        assert failure.value.retry_after == 2.5
        assert await learner.fit({}, FitConfig(epochs=1)) == other
        assert await learner.fit({}, FitConfig(epochs=1)) == RESULT

    async def test_errors_of_every_sort(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        fake.on.fit.raises(NotReady("soon", retry_after=1.0))
        with pytest.raises(NotReady, match="soon"):
            await learner.fit({}, FitConfig(epochs=1))
        fake.on.fit.raises(RpcError(Code.NOT_FOUND, "no data"))
        with pytest.raises(RpcError, match="no data") as failure:
            await learner.fit({}, FitConfig(epochs=1))
        assert failure.value.code is Code.NOT_FOUND
        fake.on.fit.raises(ZeroDivisionError)
        with pytest.raises(RpcError, match="ZeroDivisionError") as failure:
            await learner.fit({}, FitConfig(epochs=1))
        assert failure.value.code is Code.INTERNAL

    async def test_retries_do_not_wait(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        fake.on.fit.returns_each([RetriableError("busy"), RetriableError("busy"), RESULT])
        assert await learner.fit({}, FitConfig(epochs=1)) == RESULT
        fake.on.fit.assert_called(times=3)

    async def test_functions_of_both_sorts(self, federation: Federation) -> None:
        async def fit(call: LearnerFitCall) -> FitResult:
            await asyncio.sleep(0)
            return FitResult(weights=call.weights, samples=call.config.epochs, loss=0.0)

        fake, learner = await _one(federation)
        fake.on.fit.does(fit)
        assert (await learner.fit(WEIGHTS, FitConfig(epochs=3))).samples == 3
        fake.on.fit.does(lambda call: FitResult(weights=call.weights, samples=-call.config.epochs, loss=0.0))
        assert (await learner.fit(WEIGHTS, FitConfig(epochs=3))).samples == -3

    async def test_what_is_not_scripted_says_how_to(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        with pytest.raises(RpcError) as failure:
            await learner.fit({}, FitConfig(epochs=1))
        assert failure.value.code is Code.UNIMPLEMENTED
        assert failure.value.message == (
            "the fake learner on node 'learner_0' has no answer to call 1 of 'fit': "
            "script one with fake.on.fit.returns(...), .raises(...) or .does(...)"
        )
        with pytest.raises(RpcError, match=r"fake\.on\.watch\.yields\(\.\.\.\)"):
            await anext(learner.watch(every=1.0))
        fake.on.fit.returns(RESULT)
        fake.on.fit.reset()
        assert not fake.on.fit.calls
        with pytest.raises(RpcError, match="no answer to call 1 of 'fit'"):
            await learner.fit({}, FitConfig(epochs=1))

    async def test_a_method_that_returns_nothing_needs_no_script(self, federation: Federation) -> None:
        fake, painter = await _painter(federation)
        await painter.nothing()
        fake.on.nothing.assert_called_once_with()

    async def test_without_a_schema(self, federation: Federation) -> None:
        fake, _ = await _one(federation)
        fake.on.fit.returns(RESULT)
        plain = federation.nodes["trainer"].get_proxy("learner_0")
        reply = await plain.call("fit", weights={}, config={"epochs": 4})
        assert reply.samples == 7
        fake.on.fit.assert_called_once_with(weights={}, config=FitConfig(epochs=4))


@everywhere
class TestGates:
    async def test_a_call_that_times_out(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        gate = fake.on.fit.blocks()
        calling = asyncio.create_task(learner.with_options(timeout=0.2).fit({}, FitConfig(epochs=1)))
        await gate.until_reached()
        with pytest.raises(RpcError) as failure:
            await calling
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert await fake.on.fit.until_idle(5)
        assert fake.on.fit.calls[0].rpc.cancelled

    async def test_what_is_scripted_meanwhile_is_the_answer(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        gate = fake.on.fit.blocks()
        calls = [asyncio.create_task(learner.fit({}, FitConfig(epochs=1))) for _ in range(2)]
        await gate.until_reached(2)
        assert gate.waiting == 2
        fake.on.fit.returns(RESULT)
        gate.open()
        assert await asyncio.gather(*calls) == [RESULT, RESULT]
        assert await learner.fit({}, FitConfig(epochs=1)) == RESULT

    async def test_one_gate_for_many(self, federation: Federation) -> None:
        fakes = await federation.fakes(FakeLearner, 3)
        trainer = await federation.node("trainer", "trainer")
        gate = Gate()
        for fake in fakes:
            fake.on.fit.returns(RESULT)
        fakes[0].on.fit.waits_for(gate)
        fakes[2].on.fit.raises(NotReady(retry_after=1.0))
        learners = trainer.get_collection(LearnerCollection)
        replies = await learners.with_options(min_replies=1, timeout=0.3).fit({}, FitConfig(epochs=1))
        assert list(replies) == ["learner_1"]
        gate.open()
        with pytest.raises(PartialFailure) as failure:
            await learners.fit({}, FitConfig(epochs=1))
        assert sorted(failure.value.replies) == ["learner_0", "learner_1"]

    async def test_nobody_comes(self) -> None:
        fake = FakeLearner()
        with pytest.raises(TimeoutError, match=r"0 of 2 calls wait at the gate after 0\.01 s"):
            await Gate().until_reached(2, timeout=0.01)
        with pytest.raises(TimeoutError, match=r"federation\.v1\.Learner/Fit was called 0 times of 1 in 0\.01 s"):
            await fake.on.fit.until_called(timeout=0.01)


@everywhere
class TestStreams:
    async def test_items_and_an_error_in_the_middle(self, federation: Federation) -> None:
        fake, painter = await _painter(federation)
        point = Point(x=1.0, y=2.0)
        fake.on.walk.yields(point, point)
        fake.on.walk.yields_each([[], [point, OutOfInk(color=Color.RED, left=0.5, where=None), point]])
        assert [each async for each in painter.walk(steps=1)] == []
        got: list[Point] = []
        with pytest.raises(OutOfInk) as failure:
            async for each in painter.walk(steps=1):
                got.append(each)
        assert (got, failure.value.left) == ([point], 0.5)
        assert [each async for each in painter.walk(steps=1)] == [point, point]
        fake.on.walk.raises(ZeroDivisionError("no"))
        with pytest.raises(RpcError, match="ZeroDivisionError: no"):
            await anext(painter.walk(steps=1))
        fake.on.walk.assert_called(times=4)

    async def test_a_gate_holds_up_a_stream(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        gate = Gate()
        fake.on.watch.yields(STEP, gate, STEP)
        steps = learner.watch(every=1.0)
        assert await anext(steps) == STEP
        second = asyncio.ensure_future(anext(steps))
        await gate.until_reached()
        gate.open()
        assert await second == STEP
        assert [step async for step in steps] == []

    async def test_generators_of_both_sorts(self, federation: Federation) -> None:
        async def paint(call: PainterPaintCall) -> AsyncIterator[Point]:
            async for point in call.points:
                yield Point(x=point.y, y=point.x)

        def backwards(call: PainterPaintCall) -> Iterator[Point]:
            yield from reversed(call.points)

        fake, painter = await _painter(federation)
        points = [Point(x=0.0, y=1.0), Point(x=2.0, y=3.0)]
        fake.on.paint.does(paint)
        assert [each async for each in painter.paint(points=points)] == [Point(x=1.0, y=0.0), Point(x=3.0, y=2.0)]
        fake.on.paint.does(backwards)
        assert [each async for each in painter.paint(points=points)] == points[::-1]
        assert [list(call.points) for call in fake.on.paint.calls] == [points, points]

    async def test_a_streamed_request_is_kept(self, federation: Federation) -> None:
        async def first(call: PainterSumCall) -> int:
            async for number in call.numbers:
                return number
            return 0

        fake, painter = await _painter(federation)
        fake.on.sum.returns(5)
        assert await painter.sum(start=1, numbers=iter([1, 2, 3])) == 5
        fake.on.sum.assert_called_once_with(start=1, numbers=[1, 2, 3])
        fake.on.sum.does(lambda call: call.start + sum(call.numbers))
        assert await painter.sum(start=1, numbers=[1, 2, 3]) == 7
        fake.on.sum.does(first)
        assert await painter.sum(start=1, numbers=[4, 5]) == 4
        fake.on.running_sum.yields(1, 2)
        assert [each async for each in painter.running_sum(start=1, numbers=[7, 8])] == [1, 2]
        fake.on.running_sum.assert_called_once_with(start=1, numbers=[7, 8])

    async def test_leaving_a_stream_ends_the_call(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        fake.on.watch.yields(STEP, Gate())
        async for _ in learner.watch(every=1.0):
            break
        assert await fake.on.watch.until_idle(5)


class TestAssertions:
    @pytest.fixture
    async def fake(self) -> FakeLearner:
        fake = FakeLearner()
        fake.on.fit.returns(RESULT)
        return fake

    async def test_all_differences_are_told(self, fake: FakeLearner) -> None:
        await fake.fit({"w": np.array([1.0, 2.0, 3.0]), "b": np.zeros(2)}, FitConfig(epochs=2, tags={"a": "b"}))
        with pytest.raises(AssertionError) as failure:
            fake.on.fit.assert_called_once_with(
                weights={"w": np.array([1.0, 5.0, 6.0]), "b": np.zeros(2, np.float32), "c": np.zeros(1)},
                config=FitConfig(epochs=1, tags={"c": "d"}),
            )
        assert str(failure.value).splitlines() == [
            "federation.v1.Learner/Fit was called with other arguments:",
            "  weights['w']: float64 array of shape (3,) has 2.0 at [1], not 5.0, and 1 more of 3 differ",
            "  weights['b']: float64 array of shape (2,), not float32 array of shape (2,)",
            "  weights['c']: is missing",
            "  config.epochs: 2, not 1",
            "  config.tags['c']: is missing",
            "  config.tags['a']: 'b', not expected",
        ]

    async def test_how_often(self, fake: FakeLearner) -> None:
        fake.on.fit.assert_not_called()
        with pytest.raises(AssertionError, match=r"federation\.v1\.Learner/Fit was called 0 times$"):
            fake.on.fit.assert_called()
        await fake.fit({}, FitConfig(epochs=1))
        fake.on.fit.assert_called()
        with pytest.raises(AssertionError, match=r"was called once, not 0 times\n  LearnerFitCall\(weights={}, config"):
            fake.on.fit.assert_not_called()
        await fake.fit({}, FitConfig(epochs=2))
        with pytest.raises(AssertionError, match="was called 2 times, not once"):
            fake.on.fit.assert_called_once_with({}, FitConfig(epochs=1))

    async def test_any_and_last(self, fake: FakeLearner) -> None:
        for epochs in (1, 2):
            await fake.fit({}, FitConfig(epochs=epochs))
        fake.on.fit.assert_any_call({}, FitConfig(epochs=1))
        with pytest.raises(AssertionError, match=r"called last with other arguments:\n  config\.epochs: 2, not 1"):
            fake.on.fit.assert_last_called_with({}, FitConfig(epochs=1))
        with pytest.raises(AssertionError, match=r"never called .* in 2 times; closest:\n  config\.epochs: 1, not 3"):
            fake.on.fit.assert_any_call({}, FitConfig(epochs=3))

    @everywhere
    async def test_what_a_wire_narrows_is_the_same(self, federation: Federation) -> None:
        fake, learner = await _one(federation)
        fake.on.fit.returns(RESULT)
        await learner.fit({}, FitConfig(epochs=1, learning_rate=0.3))
        fake.on.fit.assert_called_once_with({}, FitConfig(epochs=1, learning_rate=0.3))
        with pytest.raises(AssertionError, match=r"learning_rate"):
            fake.on.fit.assert_called_once_with({}, FitConfig(epochs=1, learning_rate=0.300001))


async def test_a_fake_is_a_handler_and_can_be_called_directly() -> None:
    fake = FakeLearner()
    handler: LearnerHandler = fake
    fake.on.fit.returns(RESULT)
    assert await fake.fit({}, FitConfig(epochs=1)) == RESULT
    assert isinstance(handler, LearnerHandler)
    with pytest.raises(RpcError, match="came from no node"):
        _ = fake.on.fit.calls[0].rpc


def test_an_answer_that_cannot_be_is_told_when_it_is_scripted() -> None:
    fake = FakeLearner()
    with pytest.raises(TypeError, match=r"federation\.v1\.Learner/Fit cannot answer 3: "):
        fake.on.fit.returns(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"federation\.v1\.Learner/Watch cannot answer None: "):
        fake.on.watch.yields(STEP, None)  # type: ignore[arg-type]


def test_records_are_equal_by_value() -> None:
    one, same = (LearnerFitCall({"w": np.zeros(2)}, FitConfig(epochs=1)) for _ in range(2))
    assert one == same
    assert one != LearnerFitCall({"w": np.zeros(3)}, FitConfig(epochs=1))
    assert one != 3


@everywhere
class TestFederation:
    async def test_all_nodes_know_each_other(self, federation: Federation) -> None:
        fakes = await federation.fakes(FakeLearner, 2)
        await federation.node("trainer", "trainer")
        fakes += await federation.fakes(FakeLearner)
        assert len(fakes) == 3
        ids = {"trainer", "learner_0", "learner_1", "learner_2"}
        assert {node_id: set(node.peers) for node_id, node in federation.nodes.items()} == {
            each: ids - {each} for each in ids
        }

    async def test_handlers_and_options(self, federation: Federation) -> None:
        (learner,) = await federation.fakes(FakeLearner)
        trainer = await federation.node("trainer", "trainer", handlers=[FakeTrainer()], request_timeout=0.1)
        learner.on.describe.blocks()
        with pytest.raises(RpcError) as failure:
            await trainer.get_proxy("learner_0", LearnerProxy).describe()
        assert failure.value.code is Code.DEADLINE_EXCEEDED

    async def test_calls_that_are_left_are_told(self, federation: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("oiafed_rpc.testing.federation._SETTLING", 0.01)
        fake, learner = await _one(federation)
        fake.on.describe.blocks()
        calling = asyncio.create_task(learner.describe())
        await fake.on.describe.until_called()
        with pytest.raises(UnfinishedCallsError) as failure:
            await federation.close()
        assert str(failure.value) == (
            "the test has ended, but calls are still under way; await or cancel them:\n"
            "  LearnerDescribeCall() on 'learner_0', from 'trainer'"
        )
        with pytest.raises(RpcError):
            await calling

    def test_without_await(self, blocking_federation: BlockingFederation) -> None:
        from federation.v1.blocking import LearnerProxy

        fakes = blocking_federation.fakes(FakeLearner, 2)
        trainer = blocking_federation.node("trainer", "trainer")
        assert sorted(trainer.peers) == ["learner_0", "learner_1"]
        fakes[1].on.fit.returns(RESULT)
        fakes[1].on.watch.yields(STEP, STEP)
        learner = trainer.get_proxy("learner_1", LearnerProxy)
        assert learner.fit(WEIGHTS, FitConfig(epochs=1)) == RESULT
        assert list(learner.watch(every=1.0)) == [STEP, STEP]
        assert fakes[1].on.fit.wait_until_called().config.epochs == 1
        fakes[0].on.fit.blocks()
        with pytest.raises(RpcError) as failure:
            trainer.get_proxy("learner_0", LearnerProxy).with_options(timeout=0.1).fit({}, FitConfig(epochs=1))
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        nobody_comes = fakes[0].on.evaluate.blocks()
        with pytest.raises(TimeoutError):
            nobody_comes.wait_until_reached(timeout=0.01)


async def test_an_id_that_is_taken_leaves_the_node_that_has_it_to_be_stopped(federation: Federation) -> None:
    first = await federation.node("trainer", "trainer")
    with pytest.raises(RpcError) as failure:
        await federation.node("trainer", "trainer")
    assert failure.value.code is Code.ALREADY_EXISTS
    assert federation.nodes == {"trainer": first}
    await first.stop()
    again = await federation.node("trainer", "trainer")
    assert federation.nodes == {"trainer": again}
    await federation.fakes(FakeLearner)
    assert set(again.peers) == {"learner_0"}


async def test_two_federations_do_not_meet(federation: Federation) -> None:
    (_,) = await federation.fakes(FakeLearner)
    async with Node("learner_0", "learner"):
        assert not federation.nodes["learner_0"].peers


def test_records_keep_arguments_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "golden/fakes/expected")
    testing = importlib.import_module("fakes.v1.testing")
    fake = testing.FakeTesting()
    call = testing.TestingPutCall_(["a"], True, 3)
    assert (call._rpc_, call._testing_, call.TestingPutCall) == ([], True, 3)
    assert repr(call) == "TestingPutCall_(_rpc_=[], _testing_=True, TestingPutCall=3)"
    assert fake.on_.put.calls == []
    assert testing.APaintCall_("x", np.zeros(1)).rpc_ == "x"

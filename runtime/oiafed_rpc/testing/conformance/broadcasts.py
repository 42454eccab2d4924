"""Calling many nodes at once."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

from oiafed_rpc import Code, Node, PartialFailure, PickleSerializer, RpcError, Serializers
from oiafed_rpc.serializer import Packed
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs


async def _hub(federation: Federation, count: int) -> tuple[Node, list[Node]]:
    trainer = await federation.start("trainer", "trainer")
    learners: list[Node] = []
    for index in range(count):
        learner = await federation.start(f"learner_{index}")
        await federation.connect(trainer, learner)
        learners.append(learner)
    return trainer, learners


class Broadcasts(Part):
    """Calling many nodes at once."""

    async def test_a_broadcast_reaches_all(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 3)
        for index, learner in enumerate(learners):
            learner.register_handler("add", lambda data, index=index: data["w"] + index, unpack=False)
        replies = await trainer.get_collection(role="learner").broadcast("add", w=np.zeros(2))
        assert list(replies) == ["learner_0", "learner_1", "learner_2"]
        assert [reply.tolist() for reply in replies.values()] == [[0, 0], [1, 1], [2, 2]]
        assert replies.errors == {}
        some = await trainer.get_collection(targets=["learner_2", "learner_0"]).broadcast("add", w=np.zeros(1))
        assert list(some) == ["learner_2", "learner_0"]

    async def test_a_broadcast_encodes_its_payload_once(self, federation: Federation) -> None:
        encoded = 0

        class Counting(PickleSerializer):
            def dump(self, obj: object) -> Packed:
                nonlocal encoded
                encoded += 1
                return super().dump(obj)

        trainer = await federation.start("trainer", "trainer", serializers=Serializers(Counting()))
        for index in range(4):
            learner = await federation.start(f"learner_{index}")
            learner.register_handler("take", lambda w, b=0: len(w))
            await federation.connect(trainer, learner)
        assert list((await trainer.get_collection(role="learner").broadcast("take", w=[1, 2])).values()) == [2] * 4
        assert encoded == (0 if federation.by_reference else 1)

    async def test_each_receiver_of_a_broadcast_has_a_dict_of_its_own(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 2)
        for learner in learners:
            learner.register_handler("pop", lambda data: [cast("dict[str, int]", data).pop("x"), len(data)])
        replies = await trainer.get_collection(role="learner").broadcast("pop", x=1)
        assert dict(replies) == {"learner_0": [1, 0], "learner_1": [1, 0]}

    async def test_collect_sends_each_its_own(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 2)
        for learner in learners:
            learner.register_handler("double", lambda x, y=0: 2 * x)
        results = await trainer.get_collection().collect("double", {"learner_1": {"x": 5}, "learner_0": {"x": 7}})
        assert results == [10, 14]

    async def test_a_broadcast_that_too_few_answer_fails_with_what_came(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 3)

        def flaky(index: int) -> Callable[..., object]:
            def answer(a: int = 0, b: int = 0) -> int:
                if index == 1:
                    raise ValueError("broken")
                return index

            return answer

        for index, learner in enumerate(learners):
            learner.register_handler("flaky", flaky(index))
        everyone = trainer.get_collection(role="learner")
        with pytest.raises(
            PartialFailure, match=r"2 nodes answered, 3 of 3 were needed: learner_1: .*broken"
        ) as failure:
            await everyone.broadcast("flaky")
        assert failure.value.replies == {"learner_0": 0, "learner_2": 2}
        assert list(failure.value.errors) == ["learner_1"]
        replies = await everyone.with_options(min_replies=2).broadcast("flaky")
        assert dict(replies) == {"learner_0": 0, "learner_2": 2}
        assert replies.errors["learner_1"].code is Code.INTERNAL
        with pytest.raises(RpcError, match="broken"):
            replies["learner_1"]

    async def test_replies_come_one_by_one(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 3)
        gates = [asyncio.Event() for _ in learners]

        def wait(index: int) -> Callable[..., object]:
            async def answer(a: int = 0, b: int = 0) -> int:
                await gates[index].wait()
                return index

            return answer

        for index, learner in enumerate(learners):
            learner.register_handler("wait", wait(index))
        gates[1].set()
        order: list[tuple[str, object]] = []
        async for reply in trainer.get_collection(role="learner").broadcast("wait"):
            order.append((reply.node_id, reply.value))
            gates[2 if len(order) == 1 else 0].set()
        assert order == [("learner_1", 1), ("learner_2", 2), ("learner_0", 0)]

    async def test_leaving_a_broadcast_cancels_the_rest(self, federation: Federation) -> None:
        trainer, learners = await _hub(federation, 2)
        begun, cancelled = asyncio.Event(), asyncio.Event()

        async def forever(a: int = 0, b: int = 0) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise

        async def at_once(a: int = 0, b: int = 0) -> int:
            return 1

        learners[0].register_handler("race", forever)
        learners[1].register_handler("race", at_once)
        replies = aiter(trainer.get_collection(role="learner").broadcast("race"))
        assert (await anext(replies)).value == 1
        await asyncio.wait_for(begun.wait(), 5)
        await replies.aclose()
        await asyncio.wait_for(cancelled.wait(), 5)

    async def test_a_broadcast_to_nobody_is_an_error(self, federation: Federation) -> None:
        trainer = await federation.start("trainer", "trainer")
        with pytest.raises(RpcError, match="nowhere to go") as failure:
            await trainer.get_collection(role="learner").broadcast("fit")
        assert failure.value.code is Code.FAILED_PRECONDITION

    async def test_collections_of_a_role(self, federation: Federation) -> None:
        caller: Node = await federation.start("caller", "curator")
        for index in range(3):
            learner = await federation.start(f"painter_{index}", "painter")
            learner.register(Painter())
            await federation.connect(caller, learner)
        bystander = await federation.start("bystander", "critic")
        await federation.connect(caller, bystander)
        painters = caller.get_collection(stubs.PainterCollection)
        assert painters.targets == ["painter_0", "painter_1", "painter_2"]
        replies = await painters.array(value=np.arange(3))
        assert [reply.tolist() for reply in replies.values()] == [[0, 1, 2]] * 3
        items = [(reply.node_id, reply.value) async for reply in painters.count(start=0, stop=2)]
        assert sorted(items) == [(f"painter_{index}", number) for index in range(3) for number in range(2)]

    async def test_leaving_a_broadcast_of_streams_early_ends_it(self, federation: Federation) -> None:
        caller = await federation.start("caller", "curator")
        learner = await federation.start("painter_0", "painter")
        learner.register(Painter())
        await federation.connect(caller, learner)
        painters = caller.get_collection(stubs.PainterCollection)
        items = painters.count(start=0, stop=10_000)
        async with asyncio.timeout(10):
            replies = aiter(items)
            assert (await anext(replies)).value == 0
            await asyncio.sleep(0.05)  # the stream runs ahead, until nobody takes what it gives
            await replies.aclose()
        with pytest.raises(RuntimeError, match="made already"):
            await anext(aiter(items))
        once = painters.names()
        assert "painter_0" in await once
        with pytest.raises(RuntimeError, match="made already"):
            await once

    async def test_replies_know_who_answered(self, federation: Federation) -> None:
        caller = await federation.start("caller", "curator")
        for name in ("good", "bad"):
            node = await federation.start(name, "x")

            def answer(a: int = 0, b: int = 0, name: str = name) -> str:
                if name == "bad":
                    raise ValueError("no")
                return name

            node.register_handler("ask", answer)
            await federation.connect(caller, node)
        replies = await caller.get_collection(role="x").with_options(min_replies=1).broadcast("ask")
        assert "good" in replies
        assert "bad" not in replies
        assert list(replies.errors) == ["bad"]

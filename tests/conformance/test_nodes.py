"""Starting, stopping, connecting, and calling many."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from oiafed_rpc import Code, ConfigError, PartialFailure, PickleSerializer, RpcError, Serializers
from oiafed_rpc.serializer import Packed

from tests.conformance.conftest import Federation


async def test_a_node_starts_and_stops_twice_and_again(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    await learner.start()
    learner.register_handler("ping", lambda a=0, b=0: "pong")
    await learner.stop()
    await learner.stop()
    with pytest.raises(RpcError) as failure:
        await trainer.get_proxy("learner_0").with_options(timeout=5).call("ping")
    assert failure.value.code is Code.UNAVAILABLE
    await learner.start()
    await trainer.connect(federation.address(learner))
    assert await trainer.get_proxy("learner_0").call("ping") == "pong"


async def test_a_target_that_is_not_there_is_named(federation: Federation) -> None:
    trainer, _ = await federation.pair()
    with pytest.raises(RpcError, match="'nobody'") as failure:
        await trainer.get_proxy("nobody").call("ping")
    assert failure.value.code is Code.UNAVAILABLE
    with pytest.raises(RpcError, match="'nobody'"):
        async for _ in trainer.get_proxy("nobody").stream("ping"):
            pass


async def test_connecting_to_nobody_fails_within_the_connect_timeout(federation: Federation) -> None:
    began = time.monotonic()
    node = federation.node("trainer", "trainer", connect_to=["ghost@127.0.0.1:1"], connect_timeout=0.4)
    with pytest.raises(RpcError, match=r"cannot connect to ghost@127\.0\.0\.1:1 within 0\.4 s") as failure:
        await node.start()
    assert failure.value.code is Code.UNAVAILABLE
    assert time.monotonic() - began < 1.4


async def test_connecting_waits_for_a_node_that_comes_later(federation: Federation) -> None:
    first = await federation.start("late")
    address = federation.address(first)
    port = int(address.rpartition(":")[2])
    await first.stop()
    if hasattr(first.transport, "_asked_port"):
        first.transport._asked_port = port  # the same place again
    trainer = await federation.start("trainer", "trainer")
    connecting = asyncio.create_task(trainer.connect(address))
    await asyncio.sleep(0)
    await first.start()
    if federation.address(first) == address:
        peer = await connecting
        assert (peer.node_id, peer.role) == ("late", "learner")
    else:
        connecting.cancel()


@pytest.mark.parametrize("name", ["", "a b", "a@b", "a/b", "a\n"])
async def test_an_impossible_id_or_role_is_refused(federation: Federation, name: str) -> None:
    with pytest.raises(ConfigError, match="id: "):
        federation.node(name)
    with pytest.raises(ConfigError, match="role: "):
        federation.node("learner_0", name)
    node = federation.node("learner_0")
    with pytest.raises(ConfigError, match="must "):
        await node.connect(name)


async def test_peers_are_known_by_id_and_role(federation: Federation) -> None:
    trainer, _ = await federation.pair()
    peer = trainer.peers["learner_0"]
    assert (peer.node_id, peer.role) == ("learner_0", "learner")
    assert peer.epoch
    assert "trainer" not in trainer.peers
    assert [each.node_id for each in await trainer.wait_for_peers(role="learner", timeout=1)] == ["learner_0"]
    with pytest.raises(RpcError, match=r"1 of 3 nodes of role 'learner' connected within 0.1 s: learner_0") as failure:
        await trainer.wait_for_peers(role="learner", count=3, timeout=0.1)
    assert failure.value.code is Code.DEADLINE_EXCEEDED
    another = await federation.start("learner_1")
    waiting = asyncio.create_task(trainer.wait_for_peers(role="learner", count=2, timeout=5))
    await asyncio.sleep(0)
    await trainer.connect(federation.address(another))
    assert [each.node_id for each in await waiting] == ["learner_0", "learner_1"]


async def _hub(federation: Federation, count: int) -> tuple[object, list[object]]:
    trainer = await federation.start("trainer", "trainer")
    learners = []
    for index in range(count):
        learner = await federation.start(f"learner_{index}")
        await trainer.connect(federation.address(learner))
        learners.append(learner)
    return trainer, learners


async def test_a_broadcast_reaches_all(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 3)
    for index, learner in enumerate(learners):
        learner.register_handler("add", lambda data, index=index: data["w"] + index, unpack=False)
    replies = await trainer.get_collection(role="learner").broadcast("add", w=np.zeros(2))
    assert list(replies) == ["learner_0", "learner_1", "learner_2"]
    assert [reply.tolist() for reply in replies.values()] == [[0, 0], [1, 1], [2, 2]]
    assert replies.errors == {}
    some = await trainer.get_collection(targets=["learner_2", "learner_0"]).broadcast("add", w=np.zeros(1))
    assert list(some) == ["learner_2", "learner_0"]


async def test_a_broadcast_encodes_its_payload_once(federation: Federation) -> None:
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
        await trainer.connect(federation.address(learner))
    assert list((await trainer.get_collection(role="learner").broadcast("take", w=[1, 2])).values()) == [2] * 4
    assert encoded == (0 if federation.by_reference else 1)


async def test_each_receiver_of_a_broadcast_has_a_dict_of_its_own(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 2)
    for learner in learners:
        learner.register_handler("pop", lambda data: [data.pop("x"), len(data)])
    replies = await trainer.get_collection(role="learner").broadcast("pop", x=1)
    assert dict(replies) == {"learner_0": [1, 0], "learner_1": [1, 0]}


async def test_collect_sends_each_its_own(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 2)
    for learner in learners:
        learner.register_handler("double", lambda x, y=0: 2 * x)
    results = await trainer.get_collection().collect("double", {"learner_1": {"x": 5}, "learner_0": {"x": 7}})
    assert results == [10, 14]


async def test_a_broadcast_that_too_few_answer_fails_with_what_came(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 3)

    def flaky(index: int) -> object:
        def answer(a: int = 0, b: int = 0) -> int:
            if index == 1:
                raise ValueError("broken")
            return index

        return answer

    for index, learner in enumerate(learners):
        learner.register_handler("flaky", flaky(index))
    everyone = trainer.get_collection(role="learner")
    with pytest.raises(PartialFailure, match=r"2 nodes answered, 3 of 3 were needed: learner_1: .*broken") as failure:
        await everyone.broadcast("flaky")
    assert failure.value.replies == {"learner_0": 0, "learner_2": 2}
    assert list(failure.value.errors) == ["learner_1"]
    replies = await everyone.with_options(min_replies=2).broadcast("flaky")
    assert dict(replies) == {"learner_0": 0, "learner_2": 2}
    assert replies.errors["learner_1"].code is Code.INTERNAL
    with pytest.raises(RpcError, match="broken"):
        replies["learner_1"]


async def test_replies_come_one_by_one(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 3)
    gates = [asyncio.Event() for _ in learners]

    def wait(index: int) -> object:
        async def answer(a: int = 0, b: int = 0) -> int:
            await gates[index].wait()
            return index

        return answer

    for index, learner in enumerate(learners):
        learner.register_handler("wait", wait(index))
    gates[1].set()
    order = []
    async for reply in trainer.get_collection(role="learner").broadcast("wait"):
        order.append((reply.node_id, reply.value))
        gates[2 if len(order) == 1 else 0].set()
    assert order == [("learner_1", 1), ("learner_2", 2), ("learner_0", 0)]


async def test_leaving_a_broadcast_cancels_the_rest(federation: Federation) -> None:
    trainer, learners = await _hub(federation, 2)
    cancelled = asyncio.Event()

    async def forever(a: int = 0, b: int = 0) -> None:
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
    await replies.aclose()
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_a_broadcast_to_nobody_is_an_error(federation: Federation) -> None:
    trainer = await federation.start("trainer", "trainer")
    with pytest.raises(RpcError, match="nowhere to go") as failure:
        await trainer.get_collection(role="learner").broadcast("fit")
    assert failure.value.code is Code.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"Upper": "x"}, "metadata key 'Upper'"),
        ({"oiafed-source": "x"}, "metadata key 'oiafed-source'"),
        ({"grpc-timeout": "x"}, "metadata key 'grpc-timeout'"),
        ({"a": "ü"}, "value of metadata 'a'"),
        ({"a": "x\ny"}, "value of metadata 'a'"),
        ({"a": "x" * 5000}, "bytes of metadata"),
    ],
)
async def test_metadata_that_cannot_travel_is_refused(
    federation: Federation, metadata: dict[str, str], problem: str
) -> None:
    trainer, _ = await federation.pair()
    with pytest.raises(ValueError, match=problem):
        trainer.get_proxy("learner_0").with_options(metadata=metadata)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 10**400])
async def test_a_timeout_must_be_positive(federation: Federation, timeout: float) -> None:
    trainer, _ = await federation.pair()
    with pytest.raises(ValueError, match="timeout must be a number of seconds above 0"):
        trainer.get_proxy("learner_0").with_options(timeout=timeout)

"""What a handler knows of its call."""

from __future__ import annotations

import asyncio

import pytest

from oiafed_rpc import RpcError, current_call
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.part import Part


class Contexts(Part):
    """What a handler knows of its call."""

    async def test_nested_calls_have_what_is_left_of_the_deadline(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        other = await federation.start("other")
        await federation.connect(learner, other)

        async def inner(a: int = 0, b: int = 0) -> float:
            return current_call().time_left() or 0.0

        async def outer(a: int = 0, b: int = 0) -> float:
            answer = await learner.get_proxy("other").call("inner")
            assert isinstance(answer, float)
            return answer

        other.register_handler("inner", inner)
        learner.register_handler("outer", outer)
        left = await trainer.get_proxy("learner_0").with_options(timeout=20).call("outer")
        assert 0 < left <= 21  # gRPC rounds a timeout up to two digits or so

    async def test_current_call_tells_who_calls(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def who(a: int = 0, b: int = 0) -> list[object]:
            call = current_call()
            await asyncio.sleep(0)
            assert current_call().call_id == call.call_id
            return [
                call.source,
                call.role,
                call.method,
                dict(call.metadata),
                bool(call.call_id),
                call.deadline is not None,
            ]

        learner.register_handler("who", who)
        proxy = trainer.get_proxy("learner_0").with_options(metadata={"round": "3", "x_y": "a b"})
        metadata = {"round": "3", "x_y": "a b"}
        assert await proxy.call("who") == ["trainer", "trainer", "who", metadata, True, True]
        with pytest.raises(RpcError, match="inside a handler only"):
            current_call()

    async def test_two_calls_have_two_ids(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def call_id(a: int = 0, b: int = 0) -> str:
            return current_call().call_id

        learner.register_handler("id", call_id)
        proxy = trainer.get_proxy("learner_0")
        assert len({await proxy.call("id") for _ in range(5)}) == 5

"""Interceptors on every kind of call, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oiafed_rpc import (
    AuthError,
    AuthInterceptor,
    CallNext,
    CompressionInterceptor,
    Context,
    Interceptor,
    LoggingInterceptor,
    Message,
    Node,
    PickleSerializer,
    Serializers,
    Side,
)
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, TYPED, call, last, proxy_of, register
from oiafed_rpc.testing.conformance.part import Part


class _Hooks(Interceptor):
    def __init__(self, name: str, seen: list[str]) -> None:
        self._name, self._seen = name, seen

    async def intercept_send(self, message: Message, context: Context) -> Message:
        self._note(message, f"{context.node_id} out {self._name}")
        return message

    async def intercept_receive(self, message: Message, context: Context) -> Message:
        self._note(message, f"{context.node_id} in {self._name}")
        return message

    def _note(self, message: Message, what: str) -> None:
        if not message.method.startswith("oiafed."):  # by which nodes know each other, whenever they like
            self._seen.append(what)


class _Around(Interceptor):
    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        if context.side is Side.CALLER:
            message.metadata["around"] = "1"
        else:
            assert message.metadata["around"] == "1"
        return await call_next(message, context)


class _Counting(PickleSerializer):
    def __init__(self) -> None:
        super().__init__()
        self.loaded = 0

    def load(self, data: bytes, buffers: Sequence[Any]) -> Any:
        self.loaded += 1
        return super().load(data, buffers)


async def _one() -> int:
    return 1


async def _two_nodes(federation: Federation, ours: Sequence[Interceptor], theirs: Sequence[Interceptor]) -> Node:
    learner = await federation.start("learner_0", interceptors=theirs)
    register(learner, _one, typed=True)
    trainer = await federation.start("trainer", "trainer", interceptors=ours)
    await federation.connect(trainer, learner)
    return trainer


class Interceptors(Part):
    """Interceptors on every kind of call, on both sides."""

    @EVERY_KIND
    @TYPED
    async def test_all_of_them_together(self, federation: Federation, kind: str, typed: bool) -> None:
        def chain() -> list[Interceptor]:
            return [LoggingInterceptor(), AuthInterceptor("secret"), CompressionInterceptor(), _Around()]

        trainer = await _two_nodes(federation, chain(), chain())
        assert last(await call(proxy_of(trainer, "learner_0", typed=typed), kind)) == 1

    @EVERY_KIND
    async def test_the_order_is_as_listed_out_and_reversed_in(self, federation: Federation, kind: str) -> None:
        seen: list[str] = []
        chain = [_Hooks("1", seen), _Hooks("2", seen)]
        trainer = await _two_nodes(federation, chain, chain)
        seen.clear()
        await call(proxy_of(trainer, "learner_0", typed=True), kind)
        sides = {"trainer": ["out 1", "out 2", "in 2", "in 1"], "learner_0": ["in 2", "in 1", "out 1", "out 2"]}
        for node, expected in sides.items():
            assert [each.removeprefix(f"{node} ") for each in seen if each.startswith(node)] == expected

    @EVERY_KIND
    @pytest.mark.parametrize("compresses", ["caller", "handler"])
    async def test_one_side_may_compress_alone(self, federation: Federation, kind: str, compresses: str) -> None:
        alone = [CompressionInterceptor()]
        ours, theirs = (alone, []) if compresses == "caller" else ([], alone)
        trainer = await _two_nodes(federation, ours, theirs)
        assert last(await call(proxy_of(trainer, "learner_0", typed=True), kind)) == 1

    @pytest.mark.parametrize("token", [None, "wrong"])
    async def test_without_the_token_nothing_is_decoded(self, federation: Federation, token: str | None) -> None:
        counting = _Counting()
        learner = await federation.start(
            "learner_0", interceptors=[AuthInterceptor("right")], serializers=Serializers(counting)
        )
        register(learner, _one, typed=False)
        stranger = await federation.start("stranger", interceptors=[AuthInterceptor(token)] if token else [])
        with pytest.raises(AuthError, match="token") as failure:
            await stranger.connect(federation.address(learner))
        assert "right" not in str(failure.value)
        assert counting.loaded == 0

    async def test_broadcasts_pass_through_them(self, federation: Federation) -> None:
        trainer = await _two_nodes(federation, [AuthInterceptor("secret")], [AuthInterceptor("secret")])
        replies = await trainer.get_collection(targets=["learner_0"]).broadcast("add", a=1, b=2)
        assert dict(replies) == {"learner_0": 1}

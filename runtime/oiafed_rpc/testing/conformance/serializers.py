"""Serializers: what the sender names, the receiver reads, if it is on its list."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from oiafed_rpc import Code, JsonSerializer, PickleSerializer, ProtoSerializer, RpcError, Serializer, Serializers
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, TYPED, call, last, proxy_of, register
from oiafed_rpc.testing.conformance.painter import Painter, everything
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs

NAMES = ["pickle", "json", "proto", "own"]


class _Own(Serializer):
    """What a user writes: two methods."""

    name = "own"

    def serialize(self, obj: Any) -> bytes:
        return pickle.dumps(obj)

    def deserialize(self, data: bytes) -> Any:
        return pickle.loads(data)


def _all() -> Serializers:
    return Serializers(PickleSerializer(), accept=[PickleSerializer(), JsonSerializer(), ProtoSerializer(), _Own()])


async def _one() -> int:
    return 1


class SerializersOnTheWire(Part):
    """Serializers: what the sender names, the receiver reads, if it is on its list."""

    @pytest.mark.parametrize("name", NAMES)
    async def test_every_type_round_trips_in_each(self, federation: Federation, name: str) -> None:
        trainer, learner = await federation.pair(serializers=_all())
        learner.register(Painter())
        proxy = trainer.get_proxy("learner_0", stubs.PainterProxy).with_options(serializer=name)
        sent = everything()
        assert await proxy.echo(value=sent) == sent
        assert await proxy.call("echo", value=sent) == sent

    @pytest.mark.parametrize("name", NAMES)
    @EVERY_KIND
    @TYPED
    async def test_each_on_every_kind(self, federation: Federation, name: str, kind: str, typed: bool) -> None:
        trainer, learner = await federation.pair(serializers=_all())
        register(learner, _one, typed=typed)
        proxy = proxy_of(trainer, "learner_0", typed=typed).with_options(serializer=name)
        assert last(await call(proxy, kind)) == 1

    async def test_an_unknown_one_is_refused_at_once(self, federation: Federation) -> None:
        trainer, _ = await federation.pair()
        with pytest.raises(ValueError, match=r"no serializer 'pikle' .*'pickle'"):
            trainer.get_proxy("learner_0").with_options(serializer="pikle")

    async def test_one_that_the_receiver_does_not_accept_is_named(self, federation: Federation) -> None:
        if federation.by_reference:
            pytest.skip("by reference, nothing is serialized")
        json = JsonSerializer()
        learner = await federation.start("learner_0", serializers=Serializers(json, accept=[json]))
        register(learner, _one, typed=False)
        trainer = await federation.start("trainer", serializers=_all())
        await federation.connect(trainer, learner)
        with pytest.raises(RpcError, match="serializer 'pickle' is not accepted here; accepted: json") as failure:
            await trainer.get_proxy("learner_0").call("add", a=1, b=2)
        assert failure.value.code is Code.INVALID_ARGUMENT
        assert await trainer.get_proxy("learner_0").with_options(serializer="json").call("add", a=1, b=2) == 1

"""Oneofs and well-known messages on every transport, with every serializer."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import any_pb2, type_pb2
from oiafed_rpc import Code, Empty, RpcError
from oiafed_rpc.testing import Federation

from tests.constructs import ECHOES, FILE, EchoHandler, EchoProxy, Event, Image, Json, Odd, Rejected, Wrapped

_ANY = any_pb2.Any(type_url="x.y/z", value=b"\xff")
_VALUES: dict[str, list[Any]] = {
    "event": [
        Event(at=1),
        Event(at=1, text=""),
        Event(at=1, image=Image(url="u")),
        Event(at=1, facts={"a": [None]}),
        Event(at=1, nothing=Empty()),
        Event(at=1, raw=_ANY, seed=0),
    ],
    "wrapped": [Wrapped(), Wrapped(flag=False, i64=-1, text="", data=b"", counts=[0, 1], names={"k": ""})],
    "json": [Json(struct={"a": {"b": [1.5, "x", None, True]}}, value=[{}], list_=[], null=None, maybe_struct={})],
    "odd": [Odd(mask=["a.b"], empty=Empty(), any=_ANY, type=type_pb2.Type(name="T"), syntax=7, anys=[_ANY])],
    "number": [0, -(2**63)],
    "struct": [{}, {"a": {"b": [1.5, None]}}],
    "value": [None, 1.5, "x", [{"a": False}]],
    "list": [[], [None, [1.0]]],
    "mask": [[], ["a.b", "c"]],
    "any": [_ANY, any_pb2.Any()],
}
_SERIALIZERS = pytest.mark.parametrize("serializer", ["pickle", "json", "proto"])


async def _proxy(federation: Federation, serializer: str) -> EchoProxy:
    trainer, learner = await federation.pair()
    learner.register(EchoHandler())
    return trainer.get_proxy("learner_0", EchoProxy).with_options(serializer=serializer)


@_SERIALIZERS
async def test_each_comes_back_as_it_was(federation: Federation, serializer: str) -> None:
    proxy = await _proxy(federation, serializer)
    for name, values in _VALUES.items():
        unary, stream = ECHOES[name]
        assert [await proxy.unary(unary, value) for value in values] == values
        assert [item async for item in proxy.stream(stream, values)] == values


@_SERIALIZERS
async def test_parameters_and_errors(federation: Federation, serializer: str) -> None:
    proxy = await _proxy(federation, serializer)
    request = {"at": 1, "text": None, "image": Image(url="u"), "note": "", "extra": {"k": [0.5]}}
    assert await proxy.unary(FILE, request) == [1, {"k": [0.5]}, None, "u", ""]
    with pytest.raises(Rejected) as caught:
        await proxy.unary(FILE, {**request, "text": "reject", "image": None})
    assert (caught.value.reason, caught.value.facts) == ("facts", {"at": 1})


@_SERIALIZERS
async def test_two_members_of_a_oneof_are_refused(federation: Federation, serializer: str) -> None:
    proxy = await _proxy(federation, serializer)
    event = Event(at=1, text="x")
    event.image = Image(url="u")
    both = {"at": 1, "text": "x", "image": Image(url="u"), "note": None, "extra": None}
    for method, payload in ((ECHOES["event"][0], event), (FILE, both)):
        with pytest.raises(RpcError, match="'text' and 'image' are both set, but 'payload' takes one") as caught:
            await proxy.unary(method, payload)
        assert caught.value.code is Code.INVALID_ARGUMENT


@_SERIALIZERS
async def test_schema_less_callers_reach_them_with_plain_values(federation: Federation, serializer: str) -> None:
    proxy = await _proxy(federation, serializer)
    assert await proxy.call("file", at=1, image={"url": "u"}, extra={"a": 1}) == [1, {"a": 1}, None, "u", None]
    with pytest.raises(RpcError, match="'text' and 'image' are both set"):
        await proxy.call("file", at=1, text="", image={"url": "u"}, extra=None)


@_SERIALIZERS
async def test_schema_less_calls_carry_protobuf_messages(federation: Federation, serializer: str) -> None:
    trainer, learner = await federation.pair()

    async def echo(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    learner.register_handler("echo", echo)
    proxy = trainer.get_proxy("learner_0").with_options(serializer=serializer)
    sent = [_ANY, type_pb2.Type(name="T"), Empty()]
    assert await proxy.call("echo", value=sent) == {"value": sent}

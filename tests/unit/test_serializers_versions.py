"""Records of another version of the schema: read in the bodies of typed calls, refused everywhere else."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from federation.v1 import FitConfig, LearnerHandler, Phase, Progress
from oiafed_rpc import Code, JsonSerializer, PickleSerializer, RpcError, Serializers
from oiafed_rpc.message import Message
from oiafed_rpc.serializer import SerializerError
from oiafed_rpc.serializer.pickling import factories
from oiafed_rpc.system.wire.tensor_pb2 import PyObject
from oiafed_rpc.testing.stubs.conformance.v1 import PainterHandler
from oiafed_rpc.wire import Body, Wire

_FIT, _WATCH = (next(s for s in LearnerHandler.__methods__ if s.name == name) for name in ("fit", "watch"))
_ANYTHING = next(spec for spec in PainterHandler.__methods__ if spec.name == "anything")
_WIRE = Wire(Serializers())


class _Made:
    """Is pickled as what a factory makes."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._made = function, args

    def __reduce__(self) -> Any:
        return self._made


def _json(fields: dict[str, Any]) -> PyObject:
    return PyObject(serializer="json", data=json.dumps(fields).encode())


def _pickle(fields: dict[str, Any]) -> PyObject:
    return PyObject(serializer="pickle", data=pickle.dumps(fields, 5))


_RECORDS: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("json", _json, lambda name, fields: {"$record": [f"federation.v1.{name}", fields]}),
    (
        "pickle",
        _pickle,
        lambda name, fields: _Made(factories.make_record, "federation.v1.types", name, fields),
    ),
]
_MEMBERS: dict[str, Callable[..., Any]] = {
    "json": lambda name, number: {"$enum": [f"federation.v1.{name}", number]},
    "pickle": lambda name, number: _Made(factories.make_member, "federation.v1.types", name, number),
}


async def _request(spec: Any, body: PyObject) -> Any:
    message = Message(spec.title, "a", "b", body.SerializeToString(), spec=spec, serializer=body.serializer)
    await _WIRE.decode_request(message)
    return message.payload


@pytest.mark.parametrize(("serializer", "body", "record"), _RECORDS, ids=["json", "pickle"])
async def test_what_a_typed_call_has_of_a_newer_schema_is_passed_over(serializer: str, body: Any, record: Any) -> None:
    newer = {"list": [record("Unheard", {"x": 1})], "member": _MEMBERS[serializer]("Unheard", 3)}
    config = record("FitConfig", {"epochs": 3, "learning_rate": 0.5, "newer": newer})
    payload = await _request(_FIT, body({"weights": {}, "config": config, "more": record("Unheard", {})}))
    assert payload == {"weights": {}, "config": FitConfig(epochs=3, learning_rate=0.5)}


@pytest.mark.parametrize(("serializer", "body", "record"), _RECORDS, ids=["json", "pickle"])
async def test_what_a_typed_call_of_an_older_schema_lacks_has_its_default_or_zero(
    serializer: str, body: Any, record: Any
) -> None:
    payload = await _request(_FIT, body({"config": record("FitConfig", {"learning_rate": 0.5})}))
    assert payload == {"weights": {}, "config": FitConfig(epochs=0, learning_rate=0.5)}
    assert (await _request(_FIT, body({})))["config"].epochs == 0
    assert await _request(_WATCH, body({})) == {"every": 0.0}
    reply = record("Progress", {"phase": _MEMBERS[serializer]("Phase", 7), "epoch": 2})
    request = Message(_WATCH.title, "a", "b", None, spec=_WATCH, serializer=serializer)
    came = await _WIRE.decode_reply(request, Body(body(reply).SerializeToString()))
    assert came == Progress(phase=Phase(7), epoch=2, epochs=0, loss=0.0)
    assert came.phase.name == "UNKNOWN_7"


@pytest.mark.parametrize(("serializer", "body", "record"), _RECORDS, ids=["json", "pickle"])
@pytest.mark.parametrize(
    ("name", "fields", "problem"),
    [
        ("FitConfig", {"epochs": "three"}, "epochs"),
        ("Unheard", {}, "Unheard"),
        ("Progress", {}, "expected FitConfig, got Progress"),
    ],
)
async def test_what_does_not_fit_is_refused_all_the_same(
    serializer: str, body: Any, record: Any, name: str, fields: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RpcError, match=problem) as refusal:
        await _request(_FIT, body({"weights": {}, "config": record(name, fields)}))
    assert refusal.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize(("serializer", "body", "record"), _RECORDS, ids=["json", "pickle"])
async def test_nobody_sees_a_value_of_a_type_that_is_not_known(serializer: str, body: Any, record: Any) -> None:
    deep = [{"a": (1, record("Unheard", {}))}] if serializer == "pickle" else [{"a": [1, record("Unheard", {})]}]
    for value in (record("Unheard", {}), deep, _MEMBERS[serializer]("Unheard", 1)):
        with pytest.raises(RpcError, match="Unheard"):
            await _request(_ANYTHING, body({"value": value}))


@pytest.mark.parametrize(("serializer", "body", "record"), _RECORDS, ids=["json", "pickle"])
@pytest.mark.parametrize("fields", [{"batch_size": 1}, {"epochs": 1, "epoch": 1}])
async def test_without_a_schema_there_is_no_other_version(
    serializer: str, body: Any, record: Any, fields: dict[str, Any]
) -> None:
    reader = JsonSerializer() if serializer == "json" else PickleSerializer()
    with pytest.raises(SerializerError, match="epoch"):
        reader.load(body({"config": record("FitConfig", fields)}).data, [])

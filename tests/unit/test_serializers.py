"""What json and proto carry, and what all serializers hold."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest
from federation.v1 import FitConfig, NotReady, Phase
from google.protobuf.type_pb2 import Type
from hypothesis import given, settings
from oiafed_rpc import Serializer, Serializers
from oiafed_rpc.serializer import JsonSerializer, ProtoSerializer, SerializerError
from oiafed_rpc.system.wire import value_pb2

from tests.unit.serializer_values import BUILT_IN, EXAMPLES, VALUES, again, same

ALL = pytest.mark.parametrize("name", list(BUILT_IN))
BESIDE = pytest.mark.parametrize("beside", [True, False])


@ALL
@BESIDE
@given(VALUES)
@settings(max_examples=60, deadline=None)
def test_values_come_back_as_they_were(name: str, beside: bool, value: object) -> None:
    came = again(BUILT_IN[name], value, beside=beside)
    assert same(came, value), came


@ALL
@pytest.mark.parametrize("value", EXAMPLES)
def test_examples_come_back_as_they_were(name: str, value: object) -> None:
    assert same(again(BUILT_IN[name], value, beside=True), value)


@ALL
def test_arrays_lie_beside_the_data(name: str) -> None:
    array = np.arange(1000.0)
    packed = BUILT_IN[name].dump({"w": array, "n": [array[::2]]})
    assert len(packed.data) < 400
    assert [len(memoryview(buffer)) for buffer in packed.buffers] == [8000, 4000]
    assert np.shares_memory(np.frombuffer(packed.buffers[0]), array)
    buffers = [bytearray(each) for each in packed.buffers]
    came = BUILT_IN[name].load(packed.data, buffers)
    assert np.shares_memory(came["w"], np.frombuffer(buffers[0], np.uint8))
    came["w"] += 1


@pytest.mark.parametrize("name", ["json", "proto"])
@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, FitConfig, NotReady(retry_after=1.0), np.array([object()]), {"x": {"y": complex}}],
)
def test_what_cannot_be_carried_is_refused(name: str, value: object) -> None:
    with pytest.raises(SerializerError, match=rf"{name} can't serialize|can't be sent"):
        BUILT_IN[name].dump({"x": value})


@ALL
def test_integers_of_more_than_a_kilobyte_are_refused(name: str) -> None:
    with pytest.raises(SerializerError, match="1024 bytes"):
        again(BUILT_IN[name], 1 << 8200, beside=False)


@pytest.mark.parametrize(("name", "deepest"), [("json", 190), ("proto", 45)])
@pytest.mark.parametrize("wrap", [lambda it: [it], lambda it: {"a": it}, lambda it: (it,), lambda it: {1: it}])
def test_nesting_is_bounded(name: str, deepest: int, wrap: Any) -> None:
    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = wrap(value)
        return value

    assert same(again(BUILT_IN[name], nested(deepest), beside=False), nested(deepest))
    with pytest.raises(SerializerError, match="levels"):
        BUILT_IN[name].serialize(nested(250))
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(SerializerError, match="levels"):
        BUILT_IN[name].serialize(ring)


# JSON


def test_plain_json_stays_plain() -> None:
    text = b'{"a":[1,2.5,"x",null,true],"b":{"$x":1,"y":2}}'
    value = JsonSerializer().deserialize(text)
    assert value == {"a": [1, 2.5, "x", None, True], "b": {"$x": 1, "y": 2}}
    assert JsonSerializer().serialize(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"$tensor": 1}, {"$dict": [["$tensor", 1]]}),
        ({1: "a"}, {"$dict": [[1, "a"]]}),
        ((1, "a"), {"$tuple": [1, "a"]}),
        (("a",), {"$tuple": ["a"]}),
        (b"\xff", {"$bytes": "/w=="}),
        (2**64, {"$int": "18446744073709551616"}),
        (float("-inf"), {"$float": "-inf"}),
        (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), {"$datetime": "2026-01-01T00:00:00+00:00"}),
        (Type(name="T"), {"$message": ["google.protobuf.Type", {"name": "T"}]}),
        (Phase.TRAINING, {"$enum": ["federation.v1.Phase", 1]}),
        (np.ones(1, "<f4"), {"$tensor": {"dtype": "<f4", "shape": [1], "data": "AACAPw=="}}),
        (
            FitConfig(epochs=1, learning_rate=0.5),
            {
                "$record": [
                    "federation.v1.FitConfig",
                    {"epochs": 1, "learning_rate": 0.5, "batch_size": 32, "seed": None, "tags": {}},
                ]
            },
        ),
    ],
)
def test_the_forms_of_json(value: object, text: object) -> None:
    assert json.loads(JsonSerializer().serialize(value)) == text
    assert same(JsonSerializer().deserialize(json.dumps(text).encode()), value)


def test_json_floats_that_are_not_representable_in_a_float_field_stay_as_they_are() -> None:
    assert again(JsonSerializer(), FitConfig(epochs=1, learning_rate=0.1), beside=False).learning_rate == 0.1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"$tupel": [1]}', r"no form 'tupel' \(did you mean 'tuple'\?\)"),
        ('{"$": 1}', "a int where a list"),
        ('{"$set": [1, 1]}', "twice"),
        ('{"$set": [[1]]}', "a list may not be a key"),
        ('{"$dict": [[1, 2], [1, 3]]}', "twice"),
        ('{"$dict": [[1]]}', "not a valid dict"),
        ('{"$dict": [[{"$tensor": {"dtype": "|u1", "shape": [0], "data": ""}}, 1]]}', "ndarray may not be a key"),
        ('{"$int": "%s"}' % ("9" * 5000), "4300 digits"),
        ("9" * 5000, "not valid JSON"),
        ('{"$int": 5}', "a int where a str"),
        ('{"$float": "zz"}', "not valid JSON"),
        ('{"$bytes": "a"}', "not valid JSON"),
        ('{"$decimal": "%s"}' % ("9" * 5000), "4300 digits"),
        ('{"$decimal": "x"}', "not a valid decimal"),
        ('{"$datetime": "yesterday"}', "not a valid datetime"),
        ('{"$timedelta": [1000000000000, 0, 0]}', "not a valid timedelta"),
        ('{"$tensor": {"dtype": "<f4", "shape": [3], "data": "AAAA"}}', "does not match"),
        ('{"$tensor": {"dtype": "<f4", "shape": [1152921504606846976], "data": ""}}', "does not match"),
        ('{"$tensor": {"dtype": "O", "shape": [1], "data": ""}}', "unknown dtype"),
        ('{"$tensor": {"dtype": "<f4", "shape": [0], "data": "", "buffer": 0}}', "either data or a buffer"),
        ('{"$tensor": {"dtype": "|u1", "shape": [1], "buffer": 7}}', "no buffer 7"),
        ("[{}]".format(",".join(['{"$tensor": {"dtype": "|u1", "shape": [1], "buffer": 0}}'] * 2)), "used twice"),
        ('{"$record": ["federation.v1.FitConfg", {}]}', r"FitConfg' is not known here \(did you mean 'federation.v1.F"),
        ('{"$record": ["os.system", {}]}', "not known here"),
        ('{"$record": ["federation.v1.Phase", {}]}', "not known here"),
        ('{"$enum": ["federation.v1.FitConfig", 1]}', "not known here"),
        ('{"$enum": ["federation.v1.Phase", "IDLE"]}', "a str where a int"),
        ('{"$record": ["federation.v1.FitConfig", {"epochs": "many"}]}', "epochs: expected int32, got str 'many'"),
        ('{"$record": ["federation.v1.FitConfig", {"epochs": 1, "tags": {"a": 1}}]}', "tags"),
        ('{"$record": ["federation.v1.FitConfig", {"epoch": 1}]}', r"no 'epoch' \(did you mean 'epochs'\?\)"),
        ('{"$record": ["federation.v1.FitConfig", {}]}', "missing"),
        ("[" * 100_000, "nested deeper"),
        ('{"$tuple":[' * 600 + "]}" * 600, "nested deeper"),
        ("{", "not valid JSON"),
        ("\ud800", "not valid JSON"),
    ],
)  # fmt: skip
def test_json_that_is_not_valid_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SerializerError, match=problem):
        JsonSerializer().load(text.encode("utf-8", "surrogatepass"), [bytearray(1)])


@ALL
def test_colliding_keys_are_refused(name: str) -> None:
    keys = {each * ((1 << 61) - 1) for each in range(1, 2000)}
    with pytest.raises(SerializerError, match="keys of one hash"):
        again(BUILT_IN[name], keys, beside=False)


# Protobuf


def test_proto_is_readable_without_python() -> None:
    message = value_pb2.Value.FromString(ProtoSerializer().serialize({"epochs": 3, "tags": ["a", None]}))
    assert [key.text for key in message.map.keys] == ["epochs", "tags"]
    assert message.map.values[0].integer == 3
    assert [each.HasField("null") for each in message.map.values[1].list.items] == [False, True]


def _value(**kinds: Any) -> value_pb2.Value:
    return value_pb2.Value(**kinds)


_V = value_pb2


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (_value(), "a kind that is not known here"),
        (_value(integer=1, text="x"), "several kinds at once"),
        (_value(big_integer=b"\x7f" * 2000), "1024 bytes"),
        (_value(map=_V.ValueMap(keys=[_value(null=True)])), "another number of keys"),
        (_value(map=_V.ValueMap(keys=[_value(integer=1)] * 2, values=[_value(null=True)] * 2)), "twice"),
        (_value(form=_V.ValueForm(name="tupel")), "did you mean 'tuple'"),
        (_value(form=_V.ValueForm(name="decimal", parts=[_value(text="9" * 5000)])), "4300 digits"),
        (_value(tensor=_V.ValueTensor(buffer=3)), "no buffer 3"),
        (_value(tensor=_V.ValueTensor()), "unknown dtype"),
        (_value(record=_V.ValueRecord(type="federation.v1.FitConfig", message=b"\xff")), "not a federation.v1.FitConf"),
        (_value(record=_V.ValueRecord(type="os.system")), "not known here"),
        (_value(member=_V.ValueMember(type="federation.v1.Fase")), "did you mean 'federation.v1.Phase'"),
    ],
)
def test_messages_that_are_not_valid_are_refused(message: value_pb2.Value, problem: str) -> None:
    with pytest.raises(SerializerError, match=problem):
        ProtoSerializer().deserialize(message.SerializeToString())


def test_messages_nested_too_deeply_for_protobuf_are_refused() -> None:
    root = message = value_pb2.Value()
    for _ in range(300):
        message = message.list.items.add()
    with pytest.raises(SerializerError, match="48 levels"):
        ProtoSerializer().deserialize(root.SerializeToString())


# The registry


class Shouted(Serializer):
    """As little as a user must write."""

    name = "shouted"

    def serialize(self, obj: Any) -> bytes:
        return json.dumps(obj).upper().encode()

    def deserialize(self, data: bytes) -> Any:
        return json.loads(data.decode().lower())


def test_the_built_in_serializers_are_accepted_by_default() -> None:
    serializers = Serializers()
    assert (serializers.default, serializers.typed) == ("pickle", "proto")
    assert serializers.names == ("pickle", "json", "proto")
    for name in serializers.names:
        assert serializers.accepts(name)
        packed = serializers.using(name).dump([1])
        assert packed.serializer == name
        assert serializers.load(name, packed.data, packed.buffers) == [1]


def test_the_accept_list_is_the_users() -> None:
    serializers = Serializers("json", ["proto", Shouted()])
    assert serializers.names == ("proto", "shouted")
    assert serializers.dump(1).serializer == "json"
    with pytest.raises(SerializerError, match="'pickle' is not accepted here; accepted: proto, shouted"):
        serializers.load("pickle", b"", [])
    with pytest.raises(SerializerError, match="'json' is not accepted here"):
        serializers.check_accepted("json")


def test_a_name_that_is_not_known_is_told_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no serializer 'jsn' here \(did you mean 'json'\?\); known: json, pickle"):
        Serializers().check_known("jsn")
    with pytest.raises(SerializerError, match="no serializer 'yaml'"):
        Serializers().using("yaml")
    with pytest.raises(ValueError, match=r"no built-in serializer 'pickel' \(did you mean 'pickle'\?\)"):
        Serializers("pickel")
    with pytest.raises(ValueError, match="no serializer 'yaml'"):
        Serializers("json", [], typed="yaml")


def test_a_reader_gets_what_it_reads() -> None:
    serializers = Serializers(Shouted())
    assert serializers.for_reader(()) is serializers
    assert serializers.for_reader(("json", "shouted")) is serializers
    assert serializers.for_reader(("json", "shouted"), "json").default == "json"
    assert serializers.for_reader(("json", "pickle"), "shouted").default == "pickle"
    assert serializers.for_reader(("unknown",)).default == "shouted"


def test_a_serializer_of_ones_own_may_have_the_name_of_a_built_in_one() -> None:
    class Own(JsonSerializer):
        def load(self, data: bytes, buffers: Any) -> Any:
            return ["own", super().load(data, buffers)]

    for serializers in (Serializers(Own()), Serializers(accept=[Own()])):
        assert serializers.load("json", b"1", []) == ["own", 1]


def test_a_serializer_of_ones_own_says_why_it_cannot() -> None:
    serializers = Serializers(Shouted())
    assert serializers.load("shouted", serializers.dump(["A"]).data, []) == ["a"]
    with pytest.raises(SerializerError, match=r"shouted can't serialize ndarray: .*not JSON serializable"):
        serializers.dump(np.zeros(3))
    with pytest.raises(SerializerError, match="not valid shouted"):
        serializers.load("shouted", b"{", [])
    with pytest.raises(SerializerError, match="takes no buffers"):
        serializers.load("shouted", b"1", [b"x"])

"""Protobuf messages in every serializer, and what a hostile peer makes of that."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, struct_pb2, timestamp_pb2, type_pb2
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Empty
from oiafed_rpc.serializer import JsonSerializer, PickleSerializer, ProtoSerializer, SerializerError
from oiafed_rpc.serializer.pickling.factories import make_message

from tests.unit.serializer_values import BUILT_IN, again

_TEXTS = st.text(max_size=3)
_STRUCT = struct_pb2.Struct(fields={"a": struct_pb2.Value(number_value=1)})


def _packed(message: Any) -> any_pb2.Any:
    made = any_pb2.Any()
    made.Pack(message)
    return made


_MESSAGES = st.one_of(
    st.builds(any_pb2.Any, type_url=_TEXTS, value=st.binary(max_size=3)),
    st.just(_packed(_STRUCT)),
    st.builds(type_pb2.Type, name=_TEXTS, oneofs=st.lists(_TEXTS, max_size=2)),
    st.builds(type_pb2.Field, kind=st.integers(0, 99), number=st.integers(-5, 5)),
    st.builds(struct_pb2.Value, number_value=st.floats(allow_nan=True)),
    st.builds(timestamp_pb2.Timestamp, seconds=st.integers(-(2**63), 2**63 - 1)),
    st.builds(descriptor_pb2.FieldDescriptorProto, name=_TEXTS, json_name=_TEXTS),
)


@pytest.mark.parametrize("name", list(BUILT_IN))
@given(message=_MESSAGES, beside=st.booleans())
@settings(max_examples=60, deadline=None)
def test_they_come_back_as_they_were(name: str, message: Any, beside: bool) -> None:
    (came,) = again(BUILT_IN[name], [message], beside=beside)
    assert type(came) is type(message)
    assert came.SerializeToString() == message.SerializeToString()


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_unknown_fields_are_kept(name: str) -> None:
    newer = type_pb2.Type.FromString(b"\x0a\x01T\xf8\x7f\x01")
    assert again(BUILT_IN[name], newer, beside=False).SerializeToString() == newer.SerializeToString()


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (type_pb2.Type(name="T", oneofs=["a"]), ["google.protobuf.Type", {"name": "T", "oneofs": ["a"]}]),
        (type_pb2.Field(type_url="x"), ["google.protobuf.Field", {"type_url": "x"}]),
        (
            _packed(_STRUCT),
            ["google.protobuf.Any", {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1.0}}],
        ),
        (any_pb2.Any(type_url="x/y.Z", value=b"\1"), ["google.protobuf.Any", {"$bytes": "CgV4L3kuWhIBAQ=="}]),
        (timestamp_pb2.Timestamp(seconds=1), ["google.protobuf.Timestamp", {"$bytes": "CAE="}]),
    ],
)
def test_json_shows_them_in_protobufs_own_form_where_that_tells_all(message: Any, shown: object) -> None:
    assert json.loads(JsonSerializer().serialize(message)) == {"$message": shown}


def test_a_struct_with_a_key_of_ours_is_no_form() -> None:
    message = struct_pb2.Struct(fields={"$bytes": struct_pb2.Value(string_value="x")})
    assert again(JsonSerializer(), message, beside=False) == message
    assert again(JsonSerializer(), _packed(message), beside=False) == _packed(message)


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_the_runtimes_own_record_comes_back(name: str) -> None:
    assert again(BUILT_IN[name], {"e": Empty()}, beside=True) == {"e": Empty()}


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_one_that_no_receiver_could_find_is_refused_when_sent(name: str) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="apart.proto", package="apart", syntax="proto3")
    file.message_type.add(name="M")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    apart = GetMessageClass(pool.FindMessageTypeByName("apart.M"))
    with pytest.raises(SerializerError, match=r"apart\.M"):
        BUILT_IN[name].serialize(apart())


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_fields_may_be_named_like_the_methods_of_messages(name: str) -> None:
    file = descriptor_pb2.FileDescriptorProto(name="hiding.proto", package="hiding", syntax="proto3")
    message = file.message_type.add(name="M")
    for number, field in enumerate(("SerializeToString", "MergeFromString", "ListFields", "DESCRIPTOR"), 1):
        message.field.add(name=field, number=number, type=9, label=1)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    hiding = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("hiding.M"))
    sent = hiding(MergeFromString="x", SerializeToString="y")
    assert again(BUILT_IN[name], sent, beside=False) == sent


class _Call:
    """Pickles as a call of the factory of messages."""

    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments

    def __reduce__(self) -> Any:
        return make_message, self._arguments


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (["no.Such", {}], "the message 'no.Such' is not known here: import the module that has it"),
        ([7, {}], "a int where a str is due"),
        (["google.protobuf.Type"], "not a valid message"),
        (["google.protobuf.Type", "x"], "a str where a bytes is due"),
        (["google.protobuf.Type", {"$bytes": "/w=="}], "these 1 bytes are not a google.protobuf.Type"),
        (["google.protobuf.Type", {"nme": 1}], 'not a google.protobuf.Type: .* has no field named "nme"'),
        (["google.protobuf.Type", {"$dict": [[1, 2]]}], "not a google.protobuf.Type: "),
        (["google.protobuf.Any", {"@type": "x/no.Such"}], "not a google.protobuf.Any: "),
    ],
)
def test_json_that_is_not_valid_is_refused(content: object, problem: str) -> None:
    with pytest.raises(SerializerError, match=problem):
        JsonSerializer().deserialize(json.dumps({"$message": content}).encode())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("no.Such", b""), "the message 'no.Such' is not known here"),
        (("google.protobuf.Type", b"\xff"), "these 1 bytes are not a google.protobuf.Type"),
        (("google.protobuf.Type", {}), "a dict where a bytes is due"),
        (("google.protobuf.Type",), "not valid pickle"),
    ],
)
def test_pickles_that_are_not_valid_are_refused(arguments: tuple[object, ...], problem: str) -> None:
    with pytest.raises(SerializerError, match=problem):
        PickleSerializer().deserialize(pickle.dumps(_Call(*arguments), protocol=5))


def test_a_pickle_that_makes_many_messages_of_one_bytes_is_refused() -> None:
    data = struct_pb2.ListValue(values=[struct_pb2.Value()] * 50_000).SerializeToString()
    hostile = pickle.dumps([_Call("google.protobuf.ListValue", data) for _ in range(1000)], protocol=5)
    assert len(hostile) < 200_000
    with pytest.raises(SerializerError, match="make more than 64 times as much: refused"):
        PickleSerializer().deserialize(hostile)


def test_depth_is_bounded() -> None:
    value = inner = struct_pb2.Value()
    for _ in range(3000):
        inner = inner.list_value.values.add()
    data = value.SerializeToString()
    for serializer, body in (
        (PickleSerializer(), pickle.dumps(_Call("google.protobuf.Value", data), protocol=5)),
        (ProtoSerializer(), ProtoSerializer().serialize(value)),
    ):
        with pytest.raises(SerializerError, match="bytes are not a"):
            serializer.deserialize(body)
    deep = "[" * 120 + "]" * 120
    with pytest.raises(SerializerError, match="Message too deep"):
        JsonSerializer().deserialize(f'{{"$message": ["google.protobuf.Struct", {{"a": {deep}}}]}}'.encode())
    chain = _packed(any_pb2.Any())
    for _ in range(1000):
        chain = _packed(chain)
    for serializer in BUILT_IN.values():
        assert again(serializer, chain, beside=False) == chain

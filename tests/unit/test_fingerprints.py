"""The fingerprint of a method tells its shape, and nothing else of its schema."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from typing import Any

import pytest
from federation.v1 import LearnerHandler
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc.schemas.shape import Shape, fingerprint, fingerprint_of, schema_name

from tests.unit.descriptors import compiled

_SCALARS = [
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_DOUBLE,
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_BYTES,
    FieldDescriptorProto.TYPE_BOOL,
]
_COUNT = 4


def _shape(message: Descriptor, **changes: Any) -> Shape:
    return Shape(False, False, message, message, (), 0)._replace(**changes)


def _mark(text: str, **changes: Any) -> int:
    return fingerprint(_shape(compiled(text).message_types_by_name["M"], **changes))


_FIELDS = "int32 a = 1; repeated N n = 2; E e = 3; map<string, N> m = 4; oneof o { string x = 5; string y = 6; }"
_TEXT = f"message M {{ {_FIELDS} }}"
_N = "message N { double d = 1; optional M back = 2; }"
_E = "enum E { E_NONE = 0; E_ONE = 1; }"


@pytest.mark.parametrize(
    "same",
    [
        _E + _N + _TEXT,
        "// Words.\n" + _TEXT.replace("int32 a", "/* more */ int32 a") + _N + _E,
        _TEXT.replace("int32 a = 1;", "").replace("map<", "int32 a = 1; map<") + _E + _N,
        (_TEXT + _N).replace("N ", "Other ").replace("N>", "Other>") + _E,
        _TEXT + _N + _E.replace("E_NONE = 0; E_ONE = 1;", "E_NONE = 0; E_ONE = 1; reserved 7;"),
        _TEXT.replace("int32 a = 1;", "int32 a = 1 [deprecated = true];") + _N + _E,
        _TEXT.replace("oneof o", "oneof other") + _N + _E,
    ],
    ids=["order", "comments", "order of fields", "names of messages", "reserved", "options", "names of oneofs"],
)
def test_what_does_not_matter_on_the_wire_does_not_count(same: str) -> None:
    assert _mark(same) == _mark(_TEXT + _N + _E)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("int32 a = 1", "int64 a = 1"),
        ("int32 a = 1", "int32 a = 9"),
        ("int32 a = 1", "int32 b = 1"),
        ("int32 a = 1", "optional int32 a = 1"),
        ("int32 a = 1", "repeated int32 a = 1"),
        ("int32 a = 1;", "int32 a = 1; int32 z = 12;"),
        ("string y = 6; }", "} string y = 6;"),
        ("map<string, N>", "map<int32, N>"),
        ("double d", "float d"),
        ("E_ONE = 1", "E_ONE = 2"),
        ("E_ONE = 1;", "E_ONE = 1; E_TWO = 2;"),
        ("repeated N n", "repeated google.protobuf.Timestamp n"),
    ],
)
def test_what_matters_on_the_wire_counts(part: str, instead: str) -> None:
    text = _TEXT + _N + _E
    assert part in text
    assert _mark(text.replace(part, instead)) != _mark(text)


def test_a_message_of_the_same_fields_is_no_timestamp() -> None:
    alike = "message Alike { int64 seconds = 1; int32 nanos = 2; }"
    assert _mark(alike + "message M { Alike t = 1; }") != _mark("message M { google.protobuf.Timestamp t = 1; }")


def test_streams_and_errors_count() -> None:
    text = "message M { int32 a = 1; } message X { int32 a = 1; }"
    file = compiled(text)
    message, error = (file.message_types_by_name[name] for name in "MX")
    shapes = [
        _shape(message),
        _shape(message, takes_stream=True),
        _shape(message, gives_stream=True),
        _shape(message, takes_stream=True, item=1),
        _shape(message, errors=(error,)),
        _shape(message, errors=(message,)),
    ]
    assert len(set(map(fingerprint, shapes))) == len(shapes)
    assert fingerprint(_shape(message, errors=(message, error))) == fingerprint(
        _shape(message, errors=(error, message))
    )


def test_it_is_the_same_in_every_process() -> None:
    program = (
        "from federation.v1 import LearnerHandler; from oiafed_rpc.schemas.shape import fingerprint_of\n"
        "print(*[fingerprint_of(each) for each in LearnerHandler.__methods__])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert [int(each) for each in told.split()] == [fingerprint_of(each) for each in LearnerHandler.__methods__]


def test_the_name_of_a_set_of_methods_does_not_depend_on_their_order() -> None:
    assert schema_name({"/a": 1, "/b": 2}) == schema_name({"/b": 2, "/a": 1}) != schema_name({"/a": 2, "/b": 1})
    assert schema_name({})


_field = st.tuples(
    st.integers(1, 20), st.sampled_from([*_SCALARS, "message"]), st.booleans(), st.integers(0, _COUNT - 1)
)
_messages = st.lists(st.lists(_field, max_size=6, unique_by=lambda field: field[0]), min_size=_COUNT, max_size=_COUNT)


def _built(messages: list[list[tuple[Any, ...]]], names: list[str], order: random.Random) -> Descriptor:
    """The first of some messages that may hold one another."""
    file = FileDescriptorProto(name="a.proto", package="p", syntax="proto3")
    indexes = list(range(len(messages)))
    order.shuffle(indexes)
    for index in indexes:
        message = file.message_type.add(name=names[index])
        for number, kind, many, below in order.sample(messages[index], len(messages[index])):
            field = message.field.add(name=f"f{number}", number=number, label=3 if many else 1)
            if kind == "message":
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".p.{names[below]}"
            else:
                field.type = kind
    pool = DescriptorPool()
    pool.Add(file)
    return pool.FindMessageTypeByName(f"p.{names[0]}")


def _unrolled(messages: list[list[tuple[Any, ...]]], index: int, depth: int) -> Any:
    """What can be told of a message by looking into it so deep."""
    if not depth:
        return None
    return sorted(
        (number, str(kind), many, str(_unrolled(messages, below, depth - 1) if kind == "message" else ""))
        for number, kind, many, below in messages[index]
    )


@given(_messages, _messages, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_of_any_two_messages_the_fingerprints_are_the_same_only_if_the_shapes_are(
    one: list[list[tuple[Any, ...]]], other: list[list[tuple[Any, ...]]], order: random.Random
) -> None:
    names = [f"M{index}" for index in range(_COUNT)]
    mark = fingerprint(_shape(_built(one, names, order)))
    assert mark == fingerprint(_shape(_built(one, [f"X{name}" for name in reversed(names)], order)))
    if _unrolled(one, 0, _COUNT + 1) != _unrolled(other, 0, _COUNT + 1):
        assert mark != fingerprint(_shape(_built(other, names, order)))

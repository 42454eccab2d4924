"""Protobuf's well-known messages as fields, items, members of maps and whole payloads, in every serializer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from google.protobuf import any_pb2, empty_pb2, field_mask_pb2, json_format, struct_pb2, type_pb2, wrappers_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Empty, Serializers
from oiafed_rpc.codec.json_values import MAX_LEVELS
from oiafed_rpc.codec.messages import MessageCodec, Value
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.records import Record, same_value

from tests.constructs import WIRE, Json, Odd, Wrapped
from tests.unit.serializer_values import BUILT_IN, again

_TEXTS = st.text(max_size=3)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _FLOATS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_STRUCTS = st.dictionaries(_TEXTS, _JSON, max_size=3)


def _int(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


_WRAPPED = st.builds(
    Wrapped,
    flag=st.none() | st.booleans(),
    i32=st.none() | _int(32),
    i64=st.none() | _int(64),
    u32=st.none() | _int(32, signed=False),
    u64=st.none() | _int(64, signed=False),
    f32=st.none() | st.floats(width=32, allow_nan=False),
    f64=st.none() | st.floats(allow_nan=False),
    text=st.none() | _TEXTS,
    data=st.none() | st.binary(max_size=3),
    maybe=st.none() | _int(64),
    counts=st.lists(_int(64), max_size=3),
    names=st.dictionaries(_TEXTS, _TEXTS, max_size=3),
)
_JSONS = st.builds(
    Json,
    struct=_STRUCTS,
    value=_JSON,
    list_=st.lists(_JSON, max_size=3),
    null=st.none(),
    maybe_struct=st.none() | _STRUCTS,
    maybe_value=_JSON,
    maybe_null=st.none() | st.just(0),
    structs=st.lists(_STRUCTS, max_size=2),
    nulls=st.lists(st.none(), max_size=2),
    values=st.dictionaries(_TEXTS, _JSON, max_size=2),
    nothings=st.dictionaries(_int(32), st.none(), max_size=2),
)
_MASKS = st.lists(_TEXTS, max_size=3)
_ANYS = st.builds(any_pb2.Any, type_url=_TEXTS, value=st.binary(max_size=3))
_TYPES = st.builds(type_pb2.Type, name=_TEXTS, oneofs=st.lists(_TEXTS, max_size=2), syntax=st.sampled_from([0, 1]))
_ODDS = st.builds(
    Odd,
    mask=_MASKS,
    empty=st.builds(Empty),
    any=_ANYS,
    type=_TYPES,
    syntax=_int(32),
    maybe_mask=st.none() | _MASKS,
    maybe_any=st.none() | _ANYS,
    masks=st.lists(_MASKS, max_size=2),
    empties=st.lists(st.builds(Empty), max_size=2),
    anys=st.lists(_ANYS, max_size=2),
    syntaxes=st.lists(_int(32), max_size=2),
    empties_by_name=st.dictionaries(_TEXTS, st.builds(Empty), max_size=2),
    anys_by_name=st.dictionaries(_TEXTS, _ANYS, max_size=2),
)
RECORDS: st.SearchStrategy[Record] = _WRAPPED | _JSONS | _ODDS


def _sent(codec: MessageCodec, value: Any) -> Any:
    return codec.decode(codec.encode(value, Serializers()), Serializers())


def _refused(cls: type[Record], path: str, problem: str, **fields: Any) -> None:
    zero = cls.__wire__.decode(b"", Serializers())
    for name, value in fields.items():
        setattr(zero, name, value)
    for refuse in (lambda value: cls.__wire__.encode(value, Serializers()), cls.__wire__.adopt):
        with pytest.raises(FieldError) as caught:
            refuse(zero)
        assert caught.value.path == path
        assert problem in caught.value.problem


@given(RECORDS)
@settings(deadline=None)
def test_records_come_back_as_they_were(record: Record) -> None:
    assert _sent(type(record).__wire__, record) == record
    assert type(record).__wire__.adopt(record) == record


@pytest.mark.parametrize("name", list(BUILT_IN))
@given(record=RECORDS)
@settings(max_examples=40, deadline=None)
def test_records_come_through_every_serializer(name: str, record: Record) -> None:
    came = again(BUILT_IN[name], {"r": [record]}, beside=True)["r"][0]
    assert came == record
    assert type(record).__wire__.adopt(came) == record


@given(_JSONS)
@settings(deadline=None)
def test_json_values_are_what_protobuf_makes_of_them(record: Json) -> None:
    message = WIRE["Json"].FromString(Json.__wire__.encode(record, Serializers()))
    assert json_format.MessageToDict(message.struct) == record.struct
    assert json_format.MessageToDict(message.value) == record.value
    assert [json_format.MessageToDict(each) for each in message.structs] == record.structs
    assert list(message.nulls) == [0] * len(record.nulls)


def test_absent_fields_have_their_zero_values_and_optional_ones_none() -> None:
    assert Wrapped.__wire__.decode(b"", Serializers()) == Wrapped()
    assert Json.__wire__.decode(b"", Serializers()) == Json(struct={}, value=None, list_=[], null=None)
    nothing = Odd(mask=[], empty=Empty(), any=any_pb2.Any(), type=type_pb2.Type(), syntax=0)
    assert Odd.__wire__.decode(b"", Serializers()) == nothing


def test_a_wrapper_tells_zero_from_absence() -> None:
    for fields in ({"flag": False}, {"i64": 0}, {"text": ""}, {"data": b""}, {"maybe": 0}):
        assert _sent(Wrapped.__wire__, Wrapped(**fields)) == Wrapped(**fields)


def test_an_optional_value_that_is_none_is_absent_and_a_plain_one_null() -> None:
    record = Json(struct={}, value=None, list_=[], null=None, maybe_value=None)
    message = WIRE["Json"].FromString(Json.__wire__.encode(record, Serializers()))
    assert message.value.WhichOneof("kind") == "null_value"
    assert not message.HasField("maybe_value")
    message.maybe_value.null_value = struct_pb2.NULL_VALUE
    assert Json.__wire__.decode(message.SerializeToString(), Serializers()).maybe_value is None


def test_numbers_become_floats_and_tuples_lists() -> None:
    given_ = {"int": 3, "numpy": np.int8(3), "float": np.float32(0.5), "flag": np.bool_(True), "pair": (1, "a")}
    came = _sent(Json.__wire__, Json(struct=given_, value=2, list_=[1], null=None))
    assert came.struct == {"int": 3.0, "numpy": 3.0, "float": 0.5, "flag": True, "pair": [1.0, "a"]}
    assert [type(came.struct[name]) for name in given_] == [float, float, float, bool, list]
    assert type(came.value) is type(came.list_[0]) is float
    assert same_value(Json.__wire__.adopt(Json(struct=given_, value=2, list_=[1], null=None)), came)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_numbers_that_json_lacks_are_refused_at_their_place(number: float) -> None:
    _refused(
        Json, "struct['a'][1]['b']", "is no number of JSON (expected a finite one)", struct={"a": [0, {"b": number}]}
    )
    _refused(Json, "value", "is no number of JSON", value=number)
    _refused(Json, "values['k'][0]", "is no number of JSON", values={"k": [number]})


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({"a": {1: "x"}}, "struct['a']", "the key 1 is a int (expected a str"),
        ({"a": [b"x"]}, "struct['a'][0]", "expected a JSON value: None, bool, number, str, list or dict"),
        ({"a": np.zeros(2)}, "struct['a']", "got ndarray"),
        ({"a": {2}}, "struct['a']", "got set {2}"),
        ({"a": 10**400}, "struct['a']", "too large for a double"),
        ({"a": "\ud800"}, "struct['a']", "surrogates not allowed"),
        ({"\ud800": 1}, "struct", "surrogates not allowed"),
        ([1], "struct", "expected a dict of JSON values, got list [1]"),
    ],
)
def test_what_is_no_json_is_refused_at_its_place(value: Any, path: str, problem: str) -> None:
    _refused(Json, path, problem, struct=value)


def _nested(levels: int, *, dicts: bool) -> Any:
    value: Any = 1.0
    for _ in range(levels):
        value = {"k": value} if dicts else [value]
    return value


@pytest.mark.parametrize("dicts", [True, False])
def test_depth_is_bounded_on_the_way_out(dicts: bool) -> None:
    codec = Value(struct_pb2.Value)
    for levels in (1, MAX_LEVELS):
        value = _nested(levels, dicts=dicts)
        assert _sent(codec, value) == codec.adopt(value) == value
        assert _sent(Value(WIRE["OneJson"]), value) == value
    for refuse in (lambda value: codec.encode(value, Serializers()), codec.adopt):
        with pytest.raises(FieldError, match="JSON values nested deeper than 25 levels, or that hold themselves"):
            refuse(_nested(MAX_LEVELS + 1, dicts=dicts))
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(FieldError, match="or that hold themselves"):
        codec.encode(loop, Serializers())


def test_hostile_depth_is_refused_on_the_way_in() -> None:
    value = struct_pb2.Value()
    inner = value
    for _ in range(5000):
        inner = inner.list_value.values.add()
    with pytest.raises(FieldError, match=r"are not a google\.protobuf\.Value"):
        Value(struct_pb2.Value).decode(value.SerializeToString(), Serializers())
    for levels in (1000, 100_000):
        with pytest.raises(FieldError, match="nested"):
            Value(struct_pb2.Value).adopt(_nested(levels, dicts=False))


def test_values_shared_too_often_are_refused() -> None:
    value: Any = ["x" * 1000]
    for _ in range(MAX_LEVELS - 1):
        value = [value] * 4
    with pytest.raises(FieldError, match="shared so often"):
        Value(struct_pb2.Value).adopt(value)
    mask = ["x" * 100_000] * 1000
    with pytest.raises(FieldError, match="shared so often"):
        Value(field_mask_pb2.FieldMask).adopt(mask)
    packed = any_pb2.Any(value=b"x" * 100_000)
    with pytest.raises(FieldError, match="shared so often"):
        Odd.__wire__.adopt(
            Odd(mask=[], empty=Empty(), any=packed, type=type_pb2.Type(), syntax=0, anys=[packed] * 1000)
        )


@given(st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_hostile_bytes_give_a_value_or_a_field_error(data: bytes) -> None:
    for codec in (Value(struct_pb2.Value), Value(struct_pb2.Struct), Json.__wire__, Wrapped.__wire__, Odd.__wire__):
        try:
            value = codec.decode(data, Serializers())
        except FieldError:
            continue
        repr(value)


@pytest.mark.parametrize(
    ("wire", "value", "wrong", "problem"),
    [
        (wrappers_pb2.Int64Value, 7, "x", "expected int64, got str 'x'"),
        (wrappers_pb2.BoolValue, False, None, "expected bool, got NoneType None"),
        (wrappers_pb2.StringValue, "", 3, "expected string, got int 3"),
        (wrappers_pb2.Int32Value, 1, 2**31, "expected int32"),
        (struct_pb2.Struct, {"a": [None]}, [1], "expected a dict of JSON values, got list [1]"),
        (struct_pb2.ListValue, [{}, None], {"a": 1}, "expected a list of JSON values, got dict"),
        (struct_pb2.Value, None, b"", "expected a JSON value"),
        (field_mask_pb2.FieldMask, ["a.b"], "a.b", "expected a list of str, got str 'a.b'"),
        (field_mask_pb2.FieldMask, [], [1], "expected a list of str, got list [1]"),
        (any_pb2.Any, any_pb2.Any(type_url="x/y"), 3, "expected google.protobuf.Any, got int 3"),
        (empty_pb2.Empty, None, 3, "expected nothing, got int 3"),
    ],
)
def test_a_whole_payload(wire: type[Any], value: Any, wrong: Any, problem: str) -> None:
    codec = Value(wire)
    codec.check(value)
    assert codec.encode(value, Serializers()) == _message(wire, value).SerializeToString()
    assert same_value(_sent(codec, value), value)
    assert same_value(codec.adopt(value), value)
    for refuse in (lambda value: codec.encode(value, Serializers()), codec.adopt):
        with pytest.raises(FieldError) as caught:
            refuse(wrong)
        assert problem in str(caught.value)


def _message(wire: type[Any], value: Any) -> Any:
    if isinstance(value, any_pb2.Any) or wire is empty_pb2.Empty:
        return value or wire()
    if wire is field_mask_pb2.FieldMask:
        return wire(paths=value)
    return json_format.ParseDict(str(value) if wire is wrappers_pb2.Int64Value else value, wire())


@pytest.mark.parametrize("given_", [{"a": 1.0}, None, [1.0], "x", True])
def test_a_payload_of_one_field(given_: Any) -> None:
    codec = Value(WIRE["OneJson"])
    assert _sent(codec, given_) == codec.adopt(given_) == given_


def test_messages_that_have_no_class_of_their_own_are_themselves() -> None:
    packed = any_pb2.Any()
    packed.Pack(struct_pb2.Struct(fields={"a": struct_pb2.Value(number_value=1)}))
    for codec in (Value(any_pb2.Any), Value(WIRE["OneAny"])):
        came = _sent(codec, packed)
        assert type(came) is any_pb2.Any
        assert came == packed
        assert came is not packed
    plain = {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1}}
    assert Value(any_pb2.Any).adopt(plain) == Value(WIRE["OneAny"]).adopt(plain) == packed


def test_a_schema_less_caller_may_give_plain_values() -> None:
    plain = {"mask": ["a"], "empty": {}, "any": {}, "type": {"name": "T"}, "syntax": 1}
    plain |= {"empties": [{}], "anys_by_name": {"k": {}}}
    expected = Odd(mask=["a"], empty=Empty(), any=any_pb2.Any(), type=type_pb2.Type(name="T"), syntax=1)
    expected.empties, expected.anys_by_name = [Empty()], {"k": any_pb2.Any()}
    assert Odd.__wire__.adopt(plain) == expected
    with pytest.raises(FieldError, match=r"^type: not a google.protobuf.Type: .*no field named \"nme\""):
        Odd.__wire__.adopt({**plain, "type": {"nme": "T"}})
    with pytest.raises(FieldError, match=r"^anys_by_name\['k'\]: not a google.protobuf.Any: "):
        Odd.__wire__.adopt({**plain, "anys_by_name": {"k": {1: 2}}})
    with pytest.raises(FieldError, match=r"there is no 'x'"):
        Odd.__wire__.adopt({**plain, "empty": {"x": 1}})


@pytest.mark.parametrize(
    ("cls", "fields", "path", "problem"),
    [
        (Wrapped, {"i64": "x"}, "i64", "expected int64, got str 'x'"),
        (Wrapped, {"u32": -1}, "u32", "uint32"),
        (Wrapped, {"counts": [1, None]}, "counts[1]", "expected int64, got NoneType None"),
        (Wrapped, {"names": {"k": 1}}, "names['k']", "expected string, got int 1"),
        (Json, {"null": 0}, "null", "expected None, got int 0"),
        (Json, {"nulls": [None, 1]}, "nulls", "expected a list of None, got list [None, 1]"),
        (Json, {"nothings": {1: 2}}, "nothings", "expected a map to None, got dict {1: 2}"),
        (Odd, {"mask": "a.b"}, "mask", "expected a list of str, got str 'a.b'"),
        (Odd, {"masks": [["a"], [1]]}, "masks[1]", "expected a list of str, got list [1]"),
        (Odd, {"empty": 1}, "empty", "expected Empty, got int 1"),
        (Odd, {"any": struct_pb2.Struct()}, "any", "expected google.protobuf.Any, got Struct"),
        (Odd, {"anys": [b""]}, "anys[0]", "expected google.protobuf.Any, got bytes b''"),
        (Odd, {"syntax": "x"}, "syntax", "(expected a number of google.protobuf.Syntax)"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(cls: type[Record], fields: Any, path: str, problem: str) -> None:
    _refused(cls, path, problem, **fields)

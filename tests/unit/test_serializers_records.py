"""Records of every type of the schema language in every serializer, and payloads that another serializer gave."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Code, RpcError, Serializers
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.records import same_value
from oiafed_rpc.serializer import PickleSerializer, SerializerError
from oiafed_rpc.testing import Federation
from oiafed_rpc.testing.stubs.conformance import v1 as stubs
from oiafed_rpc.testing.stubs.conformance.v1.testing import FakePainter

from tests.unit.serializer_values import BUILT_IN, again, same

_METHODS = {method.name: method for method in stubs.PainterHandler.__methods__}


def _int(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) if signed else st.integers(0, (1 << bits) - 1)


_MOMENTS = st.datetimes(timezones=st.just(datetime.UTC))
_SPANS = st.timedeltas(datetime.timedelta(days=-3_000_000), datetime.timedelta(days=3_000_000))
_TEXTS = st.text(max_size=5)
_ARRAYS = st.lists(st.integers(0, 9), max_size=3).map(lambda items: np.array(items, "<f4"))
_FLOATS = st.floats(allow_nan=False)
_COLORS = st.sampled_from([*stubs.Color, stubs.Color(99), stubs.Color(-7)])
_ANYTHING = st.none() | st.integers() | st.tuples(st.integers(), _TEXTS) | st.dictionaries(_TEXTS, _FLOATS, max_size=2)
_POINTS = st.builds(stubs.Point, x=_FLOATS, y=_FLOATS)


@cache
def everything() -> st.SearchStrategy[Any]:
    return st.builds(
        stubs.Everything,
        **dict.fromkeys(("f64", "chosen"), _FLOATS),
        f32=st.floats(width=32, allow_nan=False),
        **dict.fromkeys(("i32", "s32", "sx32"), _int(32)),
        **dict.fromkeys(("i64", "s64", "sx64"), _int(64)),
        **dict.fromkeys(("u32", "x32"), _int(32, signed=False)),
        **dict.fromkeys(("u64", "x64"), _int(64, signed=False)),
        flag=st.booleans(),
        text=_TEXTS,
        raw=st.binary(max_size=5),
        **dict.fromkeys(("color", "picked"), _COLORS),
        point=_POINTS,
        moment=_MOMENTS,
        span=_SPANS,
        array=_ARRAYS,
        arrays=st.dictionaries(_TEXTS, _ARRAYS, max_size=2),
        anything=_ANYTHING,
        numbers=st.lists(_int(64), max_size=3),
        points=st.lists(_POINTS, max_size=2),
        colors=st.lists(_COLORS, max_size=2),
        list_of_arrays=st.lists(_ARRAYS, max_size=2),
        by_name=st.dictionaries(_TEXTS, _FLOATS, max_size=2),
        by_number=st.dictionaries(_int(32), _POINTS, max_size=2),
        by_flag=st.dictionaries(st.booleans(), _COLORS, max_size=2),
        arrays_by_name=st.dictionaries(_TEXTS, _ARRAYS, max_size=2),
        maybe_number=st.none() | _int(64),
        maybe_text=st.none() | _TEXTS,
        maybe_point=st.none() | _POINTS,
        maybe_array=st.none() | _ARRAYS,
        maybe_moment=st.none() | _MOMENTS,
    )


@pytest.mark.parametrize("name", list(BUILT_IN))
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_records_come_back_as_they_were(name: str, data: st.DataObject) -> None:
    record = data.draw(everything())
    came = again(BUILT_IN[name], {"r": [record]}, beside=data.draw(st.booleans()))["r"][0]
    assert type(came) is stubs.Everything
    assert came == record


def _plain(value: Any) -> Any:
    """As a language without the generated classes has it."""
    if isinstance(value, stubs.Color):
        return value.name if value.name in stubs.Color.__members__ else value.value
    if isinstance(value, stubs.Everything | stubs.Point):
        return {key: _plain(item) for key, item in type(value).__wire__.to_plain(value).items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@given(everything())
@settings(max_examples=40, deadline=None)
def test_a_payload_of_another_serializer_is_what_its_message_would_have_given(record: Any) -> None:
    codec = _METHODS["echo"].request_codec
    decoded = codec.decode(codec.encode({"value": record}, Serializers()), Serializers())
    for payload in ({"value": record}, {"value": _plain(record)}):
        adopted = codec.adopt(payload)
        assert same_value(adopted, decoded)
        assert same(adopted["value"].color, decoded["value"].color)
        assert same(adopted["value"].f32, decoded["value"].f32)
    assert adopted["value"].array is record.array, "arrays are not copied"
    reply = _METHODS["echo"].response_codec
    assert same_value(reply.adopt(_plain(record)), reply.decode(reply.encode(record, Serializers()), Serializers()))


def _everything(**changes: Any) -> dict[str, Any]:
    base = _plain(
        stubs.Everything(
            **dict.fromkeys(("f64", "f32"), 0.0),
            **dict.fromkeys(("i32", "i64", "u32", "u64", "s32", "s64", "x32", "x64", "sx32", "sx64"), 0),
            flag=True,
            text="",
            raw=b"",
            color=stubs.Color.RED,
            point=stubs.Point(x=0.0, y=0.0),
            moment=datetime.datetime.now(datetime.UTC),
            span=datetime.timedelta(1),
            array=np.zeros(1),
            arrays={},
            anything=None,
        )
    )
    return {"value": base | changes}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"i32": 2**31}, r"value\.i32: .*out of range"),
        ({"u64": -1}, r"value\.u64: "),
        ({"u64": "1"}, r"value\.u64: expected uint64, got str '1'"),
        ({"flag": "yes"}, r"value\.flag: expected bool"),
        ({"raw": "x"}, r"value\.raw: expected bytes"),
        ({"color": "MAUVE"}, r"value\.color: .*MAUVE"),
        ({"color": 2**40}, r"value\.color: "),
        ({"point": {"x": 1}}, r"value\.point: .*missing 1 required keyword-only argument: 'y'"),
        ({"point": {"x": 1, "y": 2, "zz": 3}}, r"value\.point: there is no 'zz'"),
        ({"point": 5}, r"value\.point: expected Point, got int 5"),
        ({"moment": datetime.datetime.now()}, r"value\.moment: a datetime needs a time zone"),
        ({"span": 5}, r"value\.span: expected a timedelta"),
        ({"array": [1, 2]}, r"value\.array: expected a numpy array"),
        ({"array": np.array([object()])}, r"value\.array: .*dtype object"),
        ({"arrays": {"a": 1}}, r"value\.arrays\['a'\]: expected a numpy array"),
        ({"numbers": [1, "x"]}, r"value\.numbers: "),
        ({"numbers": 5}, r"value\.numbers: expected a list of int64"),
        ({"points": [{"x": 0, "y": 0}, {"x": 0, "y": "0"}]}, r"value\.points\[1\]\.y: expected double, got str"),
        ({"colors": ["RED", "MAUVE"]}, r"value\.colors: "),
        ({"list_of_arrays": [np.zeros(1), 3]}, r"value\.list_of_arrays\[1\]: "),
        ({"by_number": {"1": {"x": 0, "y": 0}}}, r"value\.by_number"),
        ({"by_flag": {True: 1.5}}, r"value\.by_flag"),
        ({"arrays_by_name": {"a": None}}, r"value\.arrays_by_name\['a'\]: "),
        ({"maybe_number": 1.5}, r"value\.maybe_number: "),
        ({"coler": "RED"}, r"value: there is no 'coler' \(did you mean 'color'\?\)"),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_by_its_path(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(FieldError, match=problem):
        _METHODS["echo"].request_codec.adopt(_everything(**changes))


def test_parameters_of_another_serializer() -> None:
    add = _METHODS["add"].request_codec
    assert add.adopt({"a": 1}) == {"a": 1, "b": 5}
    assert add.adopt({"a": np.int64(1), "b": 2}) == {"a": 1, "b": 2}
    assert add.adopt({}) == {"a": 0, "b": 5}
    assert add.adopt({"a": 1, "bb": 2, 2: 3}) == {"a": 1, "b": 5}, "as of another version of the schema"
    for payload, problem in (
        ([1], "expected a dict of parameters, got list"),
        ({"a": "x"}, "a: expected int64"),
    ):
        with pytest.raises(FieldError, match=problem):
            add.adopt(payload)
    assert _METHODS["nothing"].request_codec.adopt({}) == {}
    assert _METHODS["draw"].request_codec.adopt({"color": "BLUE"}) == {"color": stubs.Color.BLUE}


def test_single_values_of_another_serializer() -> None:
    array = np.zeros(3)
    assert _METHODS["array"].response_codec.adopt(array) is array
    assert list(_METHODS["arrays"].response_codec.adopt({"a": array})) == ["a"]
    nowhere = object()
    assert _METHODS["anything"].response_codec.adopt(nowhere) is nowhere
    assert _METHODS["anything"].response_codec.adopt(None) is None
    assert _METHODS["nothing"].response_codec.adopt(None) is None
    assert _METHODS["draw"].response_codec.adopt("GREEN") is stubs.Color.GREEN
    assert _METHODS["draw"].response_codec.adopt(99) == stubs.Color(99)
    assert _METHODS["where"].response_codec.adopt(None) is None
    assert _METHODS["where"].response_codec.adopt({"x": 1, "y": 2}) == stubs.Point(x=1.0, y=2.0)
    assert _METHODS["names"].response_codec.adopt(("a", "b")) == ["a", "b"]
    for name, value, problem in (
        ("array", [1], "expected a numpy array"),
        ("nothing", 1, "expected nothing"),
        ("draw", "MAUVE", "MAUVE"),
        ("where", 5, "expected Point"),
        ("names", ["a", 1], "a list of string"),
        ("names", "ab", "a list of string"),
    ):
        with pytest.raises(FieldError, match=problem):
            _METHODS[name].response_codec.adopt(value)


def _tree(levels: int, children: int) -> dict[str, Any]:
    """A tree whose branches of one level are all the same dict."""
    tree: dict[str, Any] = {"name": "leaf"}
    for _ in range(levels):
        tree = {"name": "branch", "children": [tree] * children}
    return tree


@pytest.mark.timeout(20)
def test_payloads_that_are_small_for_what_they_hold_twice_are_refused() -> None:
    codec = _METHODS["tree"].request_codec
    assert codec.adopt({"tree": _tree(3, 2)})["tree"].children[1].children[0].name == "branch"
    pickled = PickleSerializer()
    bomb = pickled.deserialize(pickled.serialize({"tree": _tree(80, 2)}))
    ring: dict[str, Any] = {"name": "x"}
    ring["children"] = [ring, ring]
    record = stubs.Tree(name="x")
    for _ in range(60):
        record = stubs.Tree(name="x", children=[record, record])
    for payload, problem in (
        (bomb, "shared so often"),
        ({"tree": record}, "shared so often"),
        ({"tree": {"name": "x", "children": [{"name": "y" * 100_000}] * 1000}}, "shared so often"),
        ({"tree": ring}, "nested too deeply"),
        ({"tree": _tree(190, 1)}, "nested too deeply"),
    ):
        with pytest.raises(FieldError, match=problem):
            codec.adopt(payload)
    with pytest.raises(FieldError, match="shared so often"):
        codec.from_plain(bomb)
    with pytest.raises(FieldError, match="shared so often"):
        _METHODS["tree"].response_codec.adopt(bomb["tree"])
    anything: list[Any] = [1]
    anything.append(anything)
    assert _METHODS["anything"].request_codec.adopt({"value": anything})["value"] is anything


@pytest.mark.oiafed_transport("serialized")
async def test_a_record_that_holds_itself_is_refused_where_it_is_sent(federation: Federation) -> None:
    (fake,) = await federation.fakes(FakePainter)
    painter = (await federation.node("curator", "curator")).get_proxy("painter_0", stubs.PainterProxy)
    ring = stubs.Tree(name="x")
    ring.left = ring
    with pytest.raises(RpcError, match="nested too deeply, or that hold themselves") as failure:
        await painter.tree(ring)
    assert failure.value.code is Code.INVALID_ARGUMENT
    fake.on.tree.returns(ring)
    with pytest.raises(RpcError, match=r"returned what can't be sent: .*hold themselves") as failure:
        await painter.tree(stubs.Tree(name="y"))
    assert failure.value.code is Code.INTERNAL


def test_errors_of_another_serializer() -> None:
    error = stubs.OutOfInk.__wire__.adopt({"color": "RED", "left": 1})
    assert (type(error), error.color, error.left, error.where) == (stubs.OutOfInk, stubs.Color.RED, 1.0, None)


def test_a_record_without_a_name_here_is_refused() -> None:
    from oiafed_rpc.records import OpenEnum

    class Stray(OpenEnum):
        A = 0

    for name in ("json", "proto"):
        with pytest.raises(SerializerError, match="Stray can't be sent"):
            BUILT_IN[name].serialize(Stray.A)


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_any_values_of_a_record_in_a_payload(name: str) -> None:
    record = _METHODS["echo"].request_codec.adopt(_everything(anything=(1, {2})))["value"]
    assert again(BUILT_IN[name], record, beside=True).anything == (1, {2})

"""Oneofs: a generated class tells which member is set, and nothing lets two members through."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pytest
from google.protobuf import any_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Empty, Serializers
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.serializer import SerializerError

from tests.constructs import FILE_REQUEST, WIRE, Event, Image, Rejected
from tests.unit.serializer_values import BUILT_IN, again

_BOTH = "'text' and 'image' are both set, but 'payload' takes one"
_MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(max_size=3),
    "image": st.builds(Image, url=st.text(max_size=3)),
    "count": st.integers(-(2**63), 2**63 - 1),
    "facts": st.dictionaries(st.text(max_size=2), st.floats(allow_nan=False, allow_infinity=False), max_size=2),
    "nothing": st.builds(Empty),
    "null": st.just(0),
    "value": st.booleans() | st.lists(st.none(), max_size=1),
    "raw": st.builds(any_pb2.Any, type_url=st.just("x.y/z"), value=st.binary(max_size=3)),
}
_SET = st.sampled_from([*_MEMBERS]).flatmap(lambda name: _MEMBERS[name].map(lambda value: {name: value}))
EVENTS = st.builds(lambda members, seed: Event(at=1, seed=seed, **members), _SET | st.just({}), st.none() | st.just(0))


def _two() -> Event:
    event = Event(at=1, text="x")
    event.image = Image(url="y")
    return event


def _encode(event: Event) -> bytes:
    data: bytes = Event.__wire__.encode(event, Serializers())
    return data


@given(_SET)
def test_it_tells_the_member_that_is_set_on_both_sides(members: dict[str, Any]) -> None:
    event = Event(at=1, **members)
    assert event.payload == next(iter(members))
    assert WIRE["Event"].FromString(_encode(event)).WhichOneof("payload") == event.payload
    came = Event.__wire__.decode(_encode(event), Serializers())
    assert (came, came.payload) == (event, event.payload)


def test_none_may_be_set() -> None:
    assert Event(at=1).payload is None
    assert Event.__wire__.decode(_encode(Event(at=1)), Serializers()).payload is None


@pytest.mark.parametrize("members", [{"text": ""}, {"count": 0}, {"facts": {}}, {"nothing": Empty()}, {"null": 0}])
def test_a_zero_value_is_set_too(members: dict[str, Any]) -> None:
    came = Event.__wire__.decode(_encode(Event(at=1, **members)), Serializers())
    assert came.payload == next(iter(members))


def test_of_the_class_it_is_the_oneof_itself() -> None:
    assert Event.payload.members == ("text", "image", "count", "facts", "nothing", "raw", "null", "value")
    assert "payload" not in {each.name for each in dataclasses.fields(Event)}


def test_it_cannot_be_assigned() -> None:
    for each in (Event(at=1, text="x"), Rejected(text="x")):
        with pytest.raises(AttributeError, match="can't be assigned: set one of its members, and None for the others"):
            setattr(each, next(name for name in ("payload", "reason") if hasattr(each, name)), "text")


def test_the_constructor_refuses_two_members() -> None:
    with pytest.raises(ValueError, match=f"^{_BOTH}$"):
        Event(at=1, text="x", image=Image(url="y"))
    with pytest.raises(ValueError, match=r"^'text', 'image' and 'count' are set, but 'payload' takes one$"):
        Event(at=1, text="", image=Image(url="y"), count=0)


def test_replacing_needs_the_other_member_taken_away() -> None:
    event = Event(at=1, text="x")
    with pytest.raises(ValueError, match=_BOTH):
        dataclasses.replace(event, image=Image(url="y"))
    assert dataclasses.replace(event, text=None, image=Image(url="y")).payload == "image"


@given(EVENTS)
def test_a_copy_is_equal(event: Event) -> None:
    for again_ in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert (type(again_), again_, again_.payload) == (Event, event, event.payload)


def test_two_members_set_later_are_refused_wherever_the_record_goes() -> None:
    wire = Event.__wire__
    for refuse in (wire.check, _encode, wire.adopt):
        with pytest.raises(FieldError, match=f"^{_BOTH}$"):
            refuse(_two())
    with pytest.raises(FieldError, match=f"^{_BOTH}$"):
        wire.adopt({"at": 1, "text": "x", "image": {"url": "y"}})


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_no_serializer_lets_two_members_through(name: str) -> None:
    with pytest.raises((SerializerError, FieldError), match=_BOTH):
        again(BUILT_IN[name], [_two()], beside=False)


@pytest.mark.parametrize("name", list(BUILT_IN))
@given(event=EVENTS)
@settings(max_examples=25, deadline=None)
def test_it_comes_through_every_serializer(name: str, event: Event) -> None:
    assert again(BUILT_IN[name], event, beside=False) == event
    assert Event.__wire__.adopt(again(BUILT_IN[name], event, beside=True)) == event


def test_parameters_have_oneofs_too() -> None:
    request = {"at": 1, "text": None, "image": None, "note": None, "extra": None}
    codec = FILE_REQUEST
    assert codec.decode(codec.encode({**request, "text": ""}, Serializers()), Serializers()) == {**request, "text": ""}
    assert codec.adopt({"at": 1, "image": {"url": "y"}, "extra": None}) == {**request, "image": Image(url="y")}
    both = {**request, "text": "x", "image": Image(url="y")}
    for refuse in (codec.check, codec.adopt, lambda value: codec.encode(value, Serializers())):
        with pytest.raises(FieldError, match=f"^{_BOTH}$"):
            refuse(both)


def test_declared_errors_have_oneofs_too() -> None:
    wire = Rejected.__wire__
    error = Rejected("no", facts={"a": 1.0})
    assert error.reason == "facts"
    came = wire.decode(wire.encode(error, Serializers()), Serializers())
    assert (came.reason, came.facts) == ("facts", {"a": 1.0})
    with pytest.raises(ValueError, match="'text' and 'facts' are both set, but 'reason' takes one"):
        Rejected("no", text="x", facts={})
    error.text = "x"
    with pytest.raises(FieldError, match="'text' and 'facts' are both set, but 'reason' takes one"):
        wire.encode(error, Serializers())

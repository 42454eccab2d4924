"""Values of all kinds that serializers carry, how they are made at random, and when two are the same to the bit."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import struct
import uuid
from typing import Any

import numpy as np
from federation.v1 import FitConfig, Phase
from hypothesis import strategies as st
from oiafed_rpc import Serializer
from oiafed_rpc.serializer import JsonSerializer, PickleSerializer, ProtoSerializer

BUILT_IN: dict[str, Serializer] = {
    each.name: each for each in (PickleSerializer(), JsonSerializer(), ProtoSerializer())
}


def again(serializer: Serializer, value: Any, *, beside: bool) -> Any:
    """The value as it arrives, arrays beside the data or in it."""
    if not beside:
        return serializer.deserialize(serializer.serialize(value))
    packed = serializer.dump(value)
    return serializer.load(packed.data, [bytearray(buffer) for buffer in packed.buffers])


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal by type, content and order, floats and arrays by their bits."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, np.ndarray | np.generic):
        return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()))
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if dataclasses.is_dataclass(left):
        return all(same(getattr(left, each.name), getattr(right, each.name)) for each in dataclasses.fields(left))
    if isinstance(left, decimal.Decimal):
        return str(left) == str(right)  # not a number equals nothing
    if isinstance(left, datetime.datetime | datetime.time):
        return (left, left.fold, str(left.tzinfo)) == (right, right.fold, str(right.tzinfo))
    return bool(left == right)


_ZONES = (
    st.none()
    | st.just(datetime.UTC)
    | st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)).flatmap(
        lambda offset: st.sampled_from([datetime.timezone(offset), datetime.timezone(offset, "hier")])
    )
)
_ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
_INTEGERS = st.integers() | st.integers(-(2**70), 2**70) | st.sampled_from([2**63, 2**64, -(2**63) - 1, 2**8000])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    _INTEGERS,
    st.floats(allow_nan=True),
    _ANY_TEXT,
    st.binary(max_size=8),
    st.binary(max_size=8).map(bytearray),
    st.complex_numbers(),
    st.dates(),
    st.datetimes(timezones=st.none()).flatmap(lambda at: _ZONES.map(lambda zone: at.replace(tzinfo=zone))),
    st.times().flatmap(lambda at: _ZONES.map(lambda zone: at.replace(tzinfo=zone, fold=1))),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.sampled_from(
        [Phase.IDLE, Phase.TRAINING, Phase(77), np.float32(1.5), np.str_("ü"), np.bool_(True), np.int8(-3)]
    ),
    st.sampled_from(
        [np.dtype(">f8"), np.float32, range(1, 9, 2), slice(1, None, 2), np.datetime64("2026-01-01", "ns")]
    ),
    st.builds(FitConfig, epochs=st.integers(0, 9), learning_rate=st.floats(width=32, allow_nan=False)),
)
KEYS = st.one_of(
    st.integers(),
    _ANY_TEXT,
    st.binary(max_size=3),
    st.tuples(st.integers(), st.text(max_size=3)),
    st.floats(allow_nan=False),
    st.just(Phase.IDLE),
    st.uuids(),
    st.frozensets(st.integers(), max_size=2),
    st.sampled_from(["$tensor", "$", "$dict"]),
)


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=2).map(collections.OrderedDict),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
    )


VALUES = st.recursive(LEAVES, _containers, max_leaves=12)

EXAMPLES: list[Any] = [
    {"a": [(1, {2: {3}})], "b": FitConfig(epochs=3, learning_rate=0.5, tags={"k": "v"}), "w": np.arange(6.0)},
    [1.5, -0.0, float("inf"), 2**70, "é\ud800", b"\xff", uuid.UUID(int=3), Phase.IDLE, np.float32(2)],
    collections.OrderedDict(x=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), y=datetime.timedelta(1), z=None),
]

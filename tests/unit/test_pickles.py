"""What a pickle from a peer may build, and what it may not."""

from __future__ import annotations

import collections
import contextlib
import datetime
import decimal
import io
import os
import pickle
import uuid
from typing import Any

import numpy as np
import pytest
from federation.v1 import FitConfig, Phase
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import PickleSerializer
from oiafed_rpc.serializer import SerializerError, Serializers

PLAIN = [
    None,
    True,
    -(2**100),
    1.5,
    "ü\x00",
    b"\xff",
    bytearray(b"x"),
    1 + 2j,
    (1, (2,)),
    [1, [2]],
    {"a": {1: 2}},
    {1, 2},
    frozenset({3}),
    slice(1, 2),
    collections.OrderedDict(a=1),
    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    datetime.timedelta(seconds=1),
    decimal.Decimal("1.5"),
    uuid.UUID(int=5),
    np.float32(1.5),
    np.dtype(">i4"),
    Phase.TRAINING,
    FitConfig(epochs=3, tags={"a": "b"}),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("out_of_band", [True, False])
def test_plain_values_round_trip(value: object, out_of_band: bool) -> None:
    serializer = PickleSerializer()
    if out_of_band:
        packed = serializer.dump(value)
        came = serializer.load(packed.data, packed.buffers)
    else:
        came = serializer.deserialize(serializer.serialize(value))
    assert came == value
    assert type(came) is type(value)


def test_arrays_travel_beside_the_pickle() -> None:
    array = np.arange(1000.0)
    packed = PickleSerializer().dump({"w": array})
    assert len(packed.data) < 300
    assert [len(memoryview(buffer)) for buffer in packed.buffers] == [8000]


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("out_of_band", [True, False])
def test_arrays_arrive_writable(frozen: bool, out_of_band: bool) -> None:
    array = np.arange(3.0)
    array.flags.writeable = not frozen
    serializer = PickleSerializer()
    packed = serializer.dump(array)
    buffers = [bytearray(buffer) for buffer in packed.buffers]
    came = serializer.load(packed.data, buffers) if out_of_band else serializer.deserialize(serializer.serialize(array))
    came += 1
    assert came.tolist() == [1, 2, 3]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/oiafed-rpc-was-here",)


class Innocent:
    def __init__(self) -> None:
        self.value = 1


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Evil(), "posix.system"),
        (Innocent(), "test_pickles.Innocent"),
        (print, "builtins.print"),
        (range(3), "builtins.range"),
        (collections.Counter, "collections.Counter"),
        (io.BytesIO, "_io.BytesIO"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(value: object, named: str) -> None:
    with pytest.raises(SerializerError, match=named):
        PickleSerializer().deserialize(pickle.dumps(value))


def test_numpys_own_reconstructors_are_refused() -> None:
    with pytest.raises(SerializerError, match="numpy"):
        PickleSerializer().deserialize(pickle.dumps(np.arange(3)))


def test_no_module_is_imported_to_find_a_class() -> None:
    import sys

    sys.modules.pop("antigravity", None)
    with pytest.raises(SerializerError, match=r"antigravity\.fly"):
        PickleSerializer().deserialize(b"cantigravity\nfly\n.")
    assert "antigravity" not in sys.modules


def test_names_cannot_wander_through_a_generated_module() -> None:
    for name in ("_rpc.Record.__init__", "_dataclasses.sys", "FitConfig.__init__", "_rpc"):
        data = pickle.PROTO + b"\x04" + _global("federation.v1.types", name) + b"."
        with pytest.raises(SerializerError, match="not allowed"):
            PickleSerializer().deserialize(data)


def _global(module: str, name: str) -> bytes:
    def text(value: str) -> bytes:
        return pickle.SHORT_BINUNICODE + bytes([len(value)]) + value.encode()

    return text(module) + text(name) + pickle.STACK_GLOBAL


def test_further_classes_can_be_allowed_by_pattern() -> None:
    value = Innocent()
    data = pickle.dumps(value)
    came = PickleSerializer(allow=[f"{Innocent.__module__}.*"]).deserialize(data)
    assert came.value == 1


@pytest.mark.parametrize(
    ("dtype", "shape", "data"),
    [
        ("<f4", (3,), b"1234"),
        ("<f4", (-1,), b"1234"),
        ("O", (1,), b"12345678"),
        ("<f4", (1,) * 65, b"1234"),
        ("V4", (1,), b"1234"),
        ("<f4,<f4", (1,), b"12345678"),
        ("nonsense", (1,), b"1"),
        ("<U0", (1 << 40,), b""),
        ("<f4", (1 << 62, 4, 0), b""),
    ],
)
def test_arrays_that_lie_are_refused(dtype: str, shape: tuple[int, ...], data: bytes) -> None:
    from oiafed_rpc.serializer import pickles

    class Lie:
        def __reduce__(self) -> tuple[Any, ...]:
            return pickles.rebuild_array, (data, dtype, shape)

    with pytest.raises(SerializerError):
        Serializers().load("pickle", pickle.dumps(Lie()), [])


@pytest.mark.parametrize(
    "value", [np.array([object()]), np.zeros(1, [("a", "f4")]), np.ma.masked_array([1], [True]), lambda: 0]
)
def test_what_cannot_be_sent_is_refused(value: object) -> None:
    with pytest.raises(SerializerError, match="pickle can't serialize"):
        Serializers().dump({"x": value})


def test_a_serializer_that_is_not_accepted_is_named() -> None:
    with pytest.raises(SerializerError, match="'yaml' is not accepted here; accepted: pickle"):
        Serializers().load("yaml", b"", [])


@given(st.binary(max_size=200))
def test_random_bytes_give_nothing_but_typed_errors(data: bytes) -> None:
    with pytest.raises(SerializerError):
        Serializers().load("pickle", b"\x80\x05" + data + b"\xff", [])


@given(st.data())
def test_mutated_pickles_give_a_value_or_a_typed_error(data: st.DataObject) -> None:
    good = bytearray(PickleSerializer().serialize({"w": np.arange(4), "c": FitConfig(epochs=1), "n": [1, "x", None]}))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SerializerError):
        Serializers().load("pickle", bytes(good), [])


@pytest.mark.parametrize("bomb", [b"Nr\xff\xff\xff\x7f.", b"Np2147483647\n.", b"Nr\x00\x00\x00\x10."])
def test_a_memo_index_of_billions_is_refused_before_room_is_made(bomb: bytes) -> None:
    with pytest.raises(SerializerError, match="memo index"):
        PickleSerializer().deserialize(bomb)


def test_text_that_looks_like_a_memo_index_is_none() -> None:
    value = {"rate": "r\xff\xff\xff\xff p123456789", "learning_rate": ["rrrrrr"] * 3}
    assert PickleSerializer().deserialize(PickleSerializer().serialize(value)) == value

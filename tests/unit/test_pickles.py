"""What a pickle from a peer may build, and what it may not."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import decimal
import enum
import io
import os
import pickle
import uuid
from typing import Any, Self

import numpy as np
import pytest
from federation.v1 import FitConfig, Phase
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import PickleSerializer
from oiafed_rpc.serializer import SerializerError, Serializers
from oiafed_rpc.serializer.pickling import factories

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
    range(1, 9, 2),
    "",
    b"",
    (),
    [],
    {},
    set(),
    frozenset(),
    bytearray(),
    collections.OrderedDict(),
    2**64,
    255,
    -(2**31),
    [*range(-70000, 70000, 7)],
    [0.5, -1.25] * 1700,
    [1.5, 2, None, 2.5, 300, 70000, True],
    {(1, "a"): 2, None: 3, 1.5: 4, frozenset({(1, 2)}): 5, 2**70: 6, decimal.Decimal(7): 8},
    {np.int64(3): 1, Phase.IDLE: 2, uuid.UUID(int=7): 3},
    [[[[{"deep": [(1, {2: {3}})]}]]]],
    datetime.date(2026, 1, 2),
    datetime.time(1, 2, 3, 4, fold=1),
    datetime.datetime(2026, 1, 1, 2, 3, 4, 5),
    datetime.timezone(datetime.timedelta(hours=2), "here"),
    np.str_(""),
    np.datetime64("2026-01-01"),
    np.float32,
    Phase(7),
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
        return os.system, ("exit 7",)


class Innocent:
    def __init__(self) -> None:
        self.value = 1


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Evil(), "posix.system"),
        (Innocent(), "test_pickles.Innocent"),
        (print, "builtins.print"),
        (FitConfig, "federation.v1.types.FitConfig"),
        (Phase, "federation.v1.types.Phase"),
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
        PickleSerializer().deserialize(b"\x80\x05" + _global("antigravity", "fly") + b".")
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
    class Lie:
        def __reduce__(self) -> tuple[Any, ...]:
            return factories.make_array, (data, dtype, shape)

    with pytest.raises(SerializerError, match=r"shape|dtype|array"):
        Serializers().load("pickle", pickle.dumps(Lie(), 5), [])


@pytest.mark.parametrize(
    "value", [np.array([object()]), np.zeros(1, [("a", "O")]), np.ma.masked_array([1], [True]), lambda: 0]
)
def test_what_cannot_be_sent_is_refused(value: object) -> None:
    with pytest.raises(SerializerError, match="pickle can't serialize"):
        Serializers().dump({"x": value})


def test_a_serializer_that_is_not_accepted_is_named() -> None:
    with pytest.raises(SerializerError, match="'yaml' is not accepted here; accepted: json, pickle, proto"):
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


def test_text_that_looks_like_a_memo_index_is_none() -> None:
    value = {"rate": "r\xff\xff\xff\xff p123456789", "learning_rate": ["rrrrrr"] * 3}
    assert PickleSerializer().deserialize(PickleSerializer().serialize(value)) == value


# Values that equality does not tell enough of


def _again(value: Any) -> Any:
    return PickleSerializer().deserialize(PickleSerializer().serialize(value))


def test_shared_values_stay_one() -> None:
    array, items = np.arange(3), [1]
    came = _again({"a": array, "b": [array, items], "c": items})
    assert came["a"] is came["b"][0]
    assert came["c"] is came["b"][1]


def test_containers_may_hold_themselves() -> None:
    ring: list[Any] = [1]
    ring.append({"ring": ring, "tuple": (ring,)})
    ordered: collections.OrderedDict[str, Any] = collections.OrderedDict()
    ordered["self"] = ordered
    looped: Any = ([],)
    looped[0].append(looped)
    long: Any = ([], 1, 2, 3)
    long[0].append(long)
    came, came_ordered, came_looped, came_long = _again([ring, ordered, looped, long])
    assert came[1]["ring"] is came
    assert came[1]["tuple"][0] is came
    assert came_ordered["self"] is came_ordered
    assert came_looped[0][0] is came_looped
    assert came_long[0][0] is came_long


def test_floats_keep_their_bits() -> None:
    came = _again([-0.0, float("nan"), float("inf"), 5e-324])
    assert str(came) == "[-0.0, nan, inf, 5e-324]"


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a: int) -> None:
        self.a, self.b = a, [self]


class Stateful:
    def __init__(self) -> None:
        self.seen = 0

    def __getstate__(self) -> tuple[str, int]:
        return "seen", 5

    def __setstate__(self, state: tuple[str, int]) -> None:
        self.seen = state[1]


class Keyed(dict[str, int]):
    pass


class Listed(list[int]):
    pass


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    w: Any = None


class Chosen(str):
    __slots__ = ("mode",)

    def __new__(cls, text: str, *, mode: int) -> Self:
        made = super().__new__(cls, text)
        made.mode = mode
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, int]]:
        return (str(self),), {"mode": self.mode}


def test_allowed_classes_come_back_as_pickle_brings_them() -> None:
    serializer = PickleSerializer(allow=[f"{__name__}.*", "collections.deque"])
    keyed, point = Keyed(a=1), Point(3, [1])
    value = [Slotted(1), Stateful(), keyed, Listed([4, 5]), Color.RED, point, {Point(1): 2}, Chosen("x", mode=3)]
    came = serializer.deserialize(serializer.serialize([*value, collections.deque([1, 2], 3)]))
    assert (came[0].a, came[0].b[0] is came[0], came[1].seen) == (1, True, 5)
    assert came[2:8] == value[2:]
    assert [type(each) for each in came[:8]] == [type(each) for each in value]
    assert came[7].mode == 3
    assert (came[8], came[8].maxlen) == (collections.deque([1, 2]), 3)


@pytest.mark.parametrize(
    "name", ["np", "os.system", "contextlib.os.system", "Innocent.__class__", "Innocent.__init__.__globals__"]
)
def test_a_pattern_does_not_reach_into_other_modules(name: str) -> None:
    with pytest.raises(SerializerError, match="not allowed"):
        PickleSerializer(allow=[f"{__name__}.*"]).deserialize(b"\x80\x05" + _global(__name__, name) + b".")


@pytest.mark.parametrize(
    "value", [Keyed(a=1), Listed([1]), collections.Counter("a")], ids=lambda value: type(value).__name__
)
def test_subclasses_of_containers_are_refused_by_name(value: object) -> None:
    with pytest.raises(SerializerError, match=rf"{type(value).__name__} is not allowed"):
        _again(value)


def test_subclasses_of_arrays_are_refused_at_the_sender() -> None:
    class Own(np.ndarray[Any, Any]):
        pass

    with pytest.raises(SerializerError, match="Own would arrive as a plain array"):
        PickleSerializer().dump(np.zeros(3).view(Own))


def test_what_is_nested_too_deep_is_told() -> None:
    def nested(depth: int) -> list[Any]:
        return [nested(depth - 1)] if depth else []

    assert _again(nested(190)) == nested(190)
    with pytest.raises(SerializerError, match="nested deeper than 200"):
        _again(nested(300))
    chain: list[Any] = []
    for _ in range(100_000):
        chain = [chain]
    with pytest.raises(SerializerError, match="nested"):
        PickleSerializer().serialize(chain)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.integers() | st.text() | st.tuples(st.integers(), st.text()) | st.floats(allow_nan=False)
VALUES = st.recursive(
    ATOMS | st.datetimes() | st.decimals(allow_nan=False) | st.uuids() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner) | st.sets(KEYS),
)


@given(VALUES)
def test_nested_values_round_trip(value: object) -> None:
    assert _again(value) == value


GOOD = PickleSerializer().serialize(
    {
        "w": [np.arange(4), np.float32(1), np.dtype("<f4")],
        "c": FitConfig(epochs=1),
        "n": [1, "x", None, 2.5, {1, 2}, frozenset({3}), (1, 2, 3, 4)],
        "o": collections.OrderedDict(a=decimal.Decimal(1), b=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
        "p": [Phase.IDLE, uuid.UUID(int=3), 1j, slice(1), range(3), bytearray(b"x")],
    }
)


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=5)
)
def test_mutated_frames_give_nothing_but_typed_errors(edits: list[tuple[int, bytes, int]]) -> None:
    data = bytearray(GOOD)
    for at, new, cut in edits:
        data[at : at + cut] = new
    with contextlib.suppress(SerializerError):
        PickleSerializer(allow=["oiafed_rpc.serializer.nothing.*"]).deserialize(bytes(data))


def test_a_serializer_without_a_name_is_refused() -> None:
    class Nameless(PickleSerializer):
        name = ""

    with pytest.raises(ValueError, match="Nameless has no name"):
        Serializers(Nameless())

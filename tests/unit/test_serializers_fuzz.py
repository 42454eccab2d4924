"""Valid data with bytes changed: a value or a typed error, and no more memory than what was received allows."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from federation.v1 import FitConfig, Phase
from oiafed_rpc import Serializers
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.serializer import SerializerError
from oiafed_rpc.system.wire import value_pb2

from tests.unit.serializer_values import BUILT_IN, EXAMPLES
from tests.unit.test_serializers_records import _METHODS, _everything

_ROUNDS = 1000
_FACTOR = 200
_SLACK = 3 << 20  # 1 MiB of the budget three times: nodes, values, and what an error tells


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """The same with some bytes flipped, inserted, deleted, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        size = chance.choice([1, 1, 2, 8])
        match chance.randrange(5):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1:
                changed[at:at] = chance.randbytes(size)
            case 2:
                del changed[at : at + size]
            case 3:
                start = chance.randrange(len(changed) + 1)
                changed[at:at] = changed[start : start + 40]
            case _:
                changed[at : at + size] = chance.choice([b"\xff" * size, bytes(size), b"9" * size, b"[" * size])
    return bytes(changed[: chance.randrange(len(changed) + 1)] if chance.random() < 0.1 else changed)


def _fuzz(data: bytes, read: Callable[[bytes], Any], seed: int) -> None:
    chance = random.Random(seed)
    tracemalloc.start()
    try:
        for _ in range(_ROUNDS):
            frame = _mutated(data, chance)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                read(frame)
            except (SerializerError, FieldError):
                pass
            except Exception as error:
                raise AssertionError(f"{type(error).__name__} for {frame!r}") from error
            used = tracemalloc.get_traced_memory()[1] - before
            assert used < _FACTOR * len(frame) + _SLACK, (used, frame)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", list(BUILT_IN))
@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_changed_bytes_of_a_serializer(name: str, example: int, random_seed: int) -> None:
    packed = BUILT_IN[name].dump(EXAMPLES[example])
    serializers = Serializers()

    def read(frame: bytes) -> Any:
        return serializers.load(name, frame, [bytearray(each) for each in packed.buffers])

    assert read(packed.data) is not None
    _fuzz(packed.data, read, random_seed)
    _fuzz(BUILT_IN[name].serialize(EXAMPLES[example]), BUILT_IN[name].deserialize, random_seed + 1)


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_changed_bytes_of_a_typed_message(name: str, random_seed: int) -> None:
    codec = _METHODS["echo"].request_codec
    anything = {"w": np.arange(3), "c": FitConfig(epochs=1), "p": Phase.IDLE, "n": [1, (2,), {3}]}
    value = codec.adopt(_everything(anything=anything, points=[{"x": 1, "y": 2}], arrays={"a": np.ones(2)}))
    data = codec.encode(value, Serializers(name))
    _fuzz(data, lambda frame: codec.decode(frame, Serializers()), random_seed)


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_changed_bytes_of_a_typed_payload_of_a_serializer(name: str, random_seed: int) -> None:
    codec = _METHODS["echo"].request_codec
    data = BUILT_IN[name].serialize(_everything(points=[{"x": 1, "y": 2}], by_flag={True: "RED"}))
    _fuzz(data, lambda frame: codec.adopt(BUILT_IN[name].deserialize(frame)), random_seed)


def _many(message: value_pb2.Value) -> bytes:
    return value_pb2.Value(list=value_pb2.ValueList(items=[message] * 30_000)).SerializeToString()


DENSE: dict[str, tuple[str, bytes]] = {
    "empty objects": ("json", b"[%s]" % b",".join([b"{}"] * 30_000)),
    "empty sets": ("json", b"[%s]" % b",".join([b'{"$set":[]}'] * 30_000)),
    "objects in objects": ("json", b"[%s]" % b",".join([b'{"a":{"a":{}}}'] * 30_000)),
    "empty arrays": ("json", b"[%s]" % b",".join([b'{"$tensor":{"dtype":"|u1","shape":[0],"data":""}}'] * 30_000)),
    "empty maps": ("proto", _many(value_pb2.Value(map=value_pb2.ValueMap()))),
    "empty lists": ("proto", _many(value_pb2.Value(list=value_pb2.ValueList()))),
    "empty forms": ("proto", _many(value_pb2.Value(form=value_pb2.ValueForm(name="set")))),
}


@pytest.mark.parametrize("case", DENSE)
def test_what_is_small_on_the_wire_does_not_fill_the_memory(case: str) -> None:
    name, data = DENSE[case]
    tracemalloc.start()
    try:
        with contextlib.suppress(SerializerError):
            BUILT_IN[name].deserialize(data)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(data) + _SLACK
    finally:
        tracemalloc.stop()


@pytest.fixture
def random_seed() -> int:
    """Another each time; told where a test fails, by the frame itself."""
    return random.SystemRandom().randrange(1 << 30)

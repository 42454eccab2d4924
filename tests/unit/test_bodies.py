"""Bodies that leave their large buffers out: what leaves, what comes back, and what a hostile peer may not do."""

from __future__ import annotations

import asyncio
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from federation.v1 import FitConfig, FitResult
from federation.v1.wire import federation_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Code, Message, RpcError, Serializer, Serializers
from oiafed_rpc.codec import apart
from oiafed_rpc.codec.apart import THRESHOLD
from oiafed_rpc.codec.effort import takes_long_to_write
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.dynamic import CALL
from oiafed_rpc.message import Encoded
from oiafed_rpc.method import Method
from oiafed_rpc.steps import are_of, copied
from oiafed_rpc.system.wire.tensor_pb2 import PyObject, Tensor
from oiafed_rpc.wire import Body, Wire

from tests.unit.bodies import FIT, WIRE, again, always, arrived, read, request
from tests.unit.serializer_values import BUILT_IN, VALUES, same
from tests.unit.test_serializers_arrays import any_array

CONFIG = FitConfig(epochs=1, learning_rate=0.5)
SERIALIZERS = pytest.mark.parametrize("serializer", [*BUILT_IN])


def _weights(**weights: Any) -> dict[str, Any]:
    return {"weights": weights, "config": CONFIG}


def _bytes(size: int) -> np.ndarray[Any, Any]:
    return np.arange(size, dtype=np.uint8)


async def _body(payload: Any, spec: Method[Any] = CALL, serializer: str = "", wire: Wire = WIRE) -> Body:
    return await wire.encode_request(request(payload, spec, serializer), apart=always)


@pytest.fixture
def _everything_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buffers of any size leave, if they are eight bytes together: random payloads are small."""
    monkeypatch.setattr(apart, "THRESHOLD", 8)
    monkeypatch.setattr(apart, "_SMALLEST", 0)


# What comes back


@SERIALIZERS
@pytest.mark.parametrize("leaves", [True, False])
@given(st.dictionaries(st.text(max_size=3), VALUES | any_array(), max_size=5))
@settings(max_examples=40, deadline=None)
def test_objects_come_back_to_the_bit(serializer: str, leaves: bool, payload: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if leaves:
            patch.setattr(apart, "THRESHOLD", 8)
        came = asyncio.run(again(payload, serializer=serializer))
    expected = {key: np.asarray(value) if isinstance(value, np.ndarray) else value for key, value in payload.items()}
    assert same(came, expected)


@pytest.mark.parametrize("serializer", ["", *BUILT_IN])
@given(st.dictionaries(st.text(max_size=3), any_array(), max_size=5))
@settings(max_examples=40, deadline=None)
def test_typed_arrays_come_back_to_the_bit(serializer: str, weights: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "THRESHOLD", 8)
        patch.setattr(apart, "_SMALLEST", 0)
        came = asyncio.run(again(_weights(**weights), FIT, serializer))["weights"]
    assert same(came, {name: np.asarray(array) for name, array in weights.items()})
    assert all(array.flags.writeable and array.flags.c_contiguous for array in came.values())


_LARGE: dict[str, Callable[[], Any]] = {
    "C": lambda: np.arange(1 << 19, dtype=np.float32),
    "Fortran": lambda: np.asfortranarray(np.arange(1 << 19, dtype=np.float32).reshape(512, 1024)),
    "transposed": lambda: np.arange(1 << 19, dtype=np.float64).reshape(8, 256, 256).transpose(2, 0, 1),
    "reversed": lambda: np.arange(1 << 20, dtype=np.int16)[::-1],
    "gaps": lambda: np.arange(1 << 21, dtype=np.int16)[::2],
    "broadcast": lambda: np.broadcast_to(np.arange(1 << 10, dtype=np.int32), (512, 1 << 10)),
    "bfloat16": lambda: np.arange(1 << 20).astype(ml_dtypes.bfloat16),
    "big-endian": lambda: np.arange(1 << 20, dtype=">u2"),
    "structured": lambda: np.ones(1 << 17, [("x", "<f4"), ("at", "<M8[ns]"), ("label", "<U3")]),
    "read-only": lambda: np.frombuffer(bytes(range(256)) * (1 << 12), np.uint8),
}


@pytest.mark.parametrize("layout", [*_LARGE])
@pytest.mark.parametrize("serializer", ["typed", *BUILT_IN])
async def test_large_arrays_of_every_layout_leave(serializer: str, layout: str) -> None:
    array = _LARGE[layout]()
    beside = {"empty": np.empty((0, 3), np.int8), "scalar": np.array(2.5), "w": array}
    spec, name = (FIT, "") if serializer == "typed" else (CALL, serializer)
    body = await _body({"weights": beside, "config": CONFIG}, spec, name)
    assert array.nbytes in [run.nbytes for run in body.runs]
    assert len(body.data) < 1000
    assert same((await read(arrived(body), spec, name))["weights"], {**beside, "w": np.asarray(array)})


async def test_received_memory_is_the_arrays_own() -> None:
    body = arrived(await _body(_weights(w=_bytes(THRESHOLD), b=_bytes(THRESHOLD)), FIT))
    came = (await read(body, FIT))["weights"]
    for array, buffer in zip(came.values(), body.buffers, strict=True):
        assert np.shares_memory(array, np.frombuffer(buffer, np.uint8))
        array += 1


# What leaves


@pytest.mark.parametrize("serializer", ["typed", *BUILT_IN])
@pytest.mark.parametrize("size", [THRESHOLD - 4096, THRESHOLD, THRESHOLD + 1])
async def test_what_is_worth_it_leaves(serializer: str, size: int) -> None:
    spec, name = (FIT, "") if serializer == "typed" else (CALL, serializer)
    halves = _weights(a=_bytes(size // 2), b=_bytes(size - size // 2))
    sizes = [run.nbytes for run in (await _body(halves, spec, name)).runs]
    assert sizes == ([] if size < THRESHOLD else [size // 2, size - size // 2])
    assert same((await again(halves, spec, name))["weights"], halves["weights"])


@pytest.mark.parametrize("spec", [FIT, CALL])
async def test_a_message_that_is_large_with_its_buffers_is_left_out_whole(spec: Method[Any]) -> None:
    payload = _weights(a=_bytes(5000), b=_bytes(THRESHOLD - 5001))
    body = await _body(payload, spec)
    assert body.data == b""
    assert [0 < run.nbytes - THRESHOLD < 1000 for run in body.runs] == [True]
    assert same(await read(arrived(body), spec), payload)


async def test_small_arrays_of_typed_calls_stay() -> None:
    body = await _body(_weights(small=_bytes(4095), least=_bytes(4096), large=_bytes(THRESHOLD)), FIT)
    assert [run.nbytes for run in body.runs] == [4096, THRESHOLD]
    assert 4095 < len(body.data) < 4400


@pytest.mark.parametrize("spec", [FIT, CALL])
async def test_arrays_are_not_copied(spec: Method[Any]) -> None:
    whole, turned = np.ones((2048, 2048)), np.ones((2048, 2048)).T
    tracemalloc.start()
    try:
        body = await _body(_weights(whole=whole, turned=turned), spec)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert np.shares_memory(whole, np.frombuffer(body.runs[0].view(0, 1000), np.uint8))
    assert [run.itemsize for run in body.runs] == [8, 8]


async def test_nothing_leaves_for_a_node_that_takes_no_transfers() -> None:
    async def never() -> bool:
        return False

    payload = _weights(w=_bytes(2 * THRESHOLD))
    for way in (never, None):
        body = await WIRE.encode_request(request(payload, FIT), apart=way)
        assert not body.runs
        assert same(await read(body, FIT), payload)


@SERIALIZERS
async def test_the_bytes_of_a_large_object_leave(serializer: str) -> None:
    value = {"rounds": [0.5 + number for number in range(150_000)], "w": _bytes(5000)}
    body = await _body(value, serializer=serializer)
    assert len(body.data) < 100
    assert same(await read(arrived(body), serializer=serializer), value)


async def test_large_bytes_of_an_object_are_copied_once() -> None:
    value = bytes(8 << 20)
    tracemalloc.start()
    try:
        body = await _body(value, serializer="pickle")
        assert tracemalloc.get_traced_memory()[1] < 9 << 20
    finally:
        tracemalloc.stop()
    assert await read(arrived(body), serializer="pickle") == value


async def test_a_large_message_is_left_out_whole() -> None:
    payload = {
        "weights": {"w": _bytes(5000)},
        "config": FitConfig(epochs=1, learning_rate=0.5, tags={"notes": "x" * THRESHOLD}),
    }
    body = await _body(payload, FIT)
    assert body.data == b""
    assert [run.nbytes > THRESHOLD for run in body.runs] == [True]
    assert same(await read(arrived(body), FIT), payload)


async def test_replies_leave_their_buffers_too() -> None:
    result = FitResult(weights={"w": _bytes(THRESHOLD)}, samples=1, loss=0.5)
    asked = request({}, FIT)
    body = await WIRE.encode_reply(asked, result, apart=True)
    assert [run.nbytes for run in body.runs] == [THRESHOLD]
    assert same(await WIRE.decode_reply(asked, arrived(body)), result)
    assert not (await WIRE.encode_reply(asked, result)).runs


# Many at once, and in threads


class _Counted(Serializer):
    """Tells in which threads it writes and reads."""

    name = "counted"

    def __init__(self) -> None:
        self.wrote: list[int] = []
        self.has_read: list[int] = []

    def serialize(self, obj: Any) -> bytes:
        self.wrote.append(threading.get_ident())
        return BUILT_IN["json"].serialize(obj)

    def deserialize(self, data: bytes) -> Any:
        self.has_read.append(threading.get_ident())
        return BUILT_IN["json"].deserialize(data)


@pytest.mark.parametrize("size", [10, 100_000])
async def test_eight_that_ask_at_once_share_one_body(size: int) -> None:
    counted, encoded, asked = _Counted(), Encoded(), asyncio.Event()
    wire, payload = Wire(Serializers(counted)), list(range(size))

    async def able() -> bool:
        await asked.wait()
        return True

    def message(target: int) -> Message:
        made = request(payload)
        made.target, made.encoded = f"learner_{target}", encoded
        return made

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wire.encode_request(message(each), apart=able)) for each in range(8)]
        asked.set()
    assert len(counted.wrote) == 1
    assert all(task.result() is encoded.body for task in tasks)


async def test_a_body_that_failed_is_made_again_for_who_asks_next() -> None:
    encoded, payload = Encoded(), {"weights": {"w": object()}, "config": CONFIG}
    for _ in range(2):
        message = request(payload, FIT)
        message.encoded = encoded
        with pytest.raises(RpcError, match="weights"):
            await WIRE.encode_request(message, apart=always)


@pytest.mark.parametrize("size", [10, 100_000])
async def test_much_is_written_and_read_in_threads(size: int) -> None:
    counted = _Counted()
    wire, loop = Wire(Serializers(counted)), threading.get_ident()
    body = await _body(list(range(size)), wire=wire)
    assert await read(arrived(body), wire=wire) == list(range(size))
    assert [each == loop for each in (*counted.wrote, *counted.has_read)] == [size == 10] * 2


class _Compressor:
    name = "zstd"

    def __init__(self) -> None:
        self.thread = 0

    def compress(self, data: bytes) -> bytes:
        self.thread = threading.get_ident()
        return data[:1]


@pytest.mark.parametrize("size", [1000, THRESHOLD - 4096])
async def test_much_is_compressed_in_a_thread(size: int) -> None:
    compressor = _Compressor()
    message = request(_weights(w=_bytes(size)), FIT)
    message.compressor = compressor
    assert len((await WIRE.encode_request(message, apart=always)).data) == 1
    assert (compressor.thread == threading.get_ident()) is (size == 1000)


async def test_a_body_with_buffers_is_not_compressed_as_a_whole() -> None:
    compressor = _Compressor()
    message = request(_weights(w=_bytes(THRESHOLD)), FIT)
    message.compressor = compressor
    body = await WIRE.encode_request(message, apart=always)
    assert body.runs
    assert not compressor.thread


def _itself() -> list[Any]:
    value: list[Any] = []
    value.append([value] * 10)
    return value


class _Own:
    def __init__(self, value: object) -> None:
        self.value = value


@pytest.mark.parametrize(
    ("payload", "long"),
    [
        (_weights(w=np.ones(1 << 22)), False),
        ({"x": [1.5] * 4000, "y": "text", "z": {1, 2}}, False),
        ({"x": [1.5] * 10_000}, True),
        (_itself(), True),
        ({"x": bytes(10 << 20)}, True),
        ({str(number): np.ones(1) for number in range(3000)}, True),
        (_Own(_Own([1.5] * 10_000)), True),
        (_Own([1.5]), False),
        (FitConfig(epochs=1, tags={"notes": "x" * (8 << 20)}), True),
        (federation_pb2.LearnerInfo(classes=dict.fromkeys(range(10), 1)), False),
    ],
)
def test_what_takes_long_to_write(payload: Any, long: bool) -> None:
    assert takes_long_to_write(payload, arrays=False) is long


def test_memory_of_arrays_counts_where_it_is_copied() -> None:
    assert takes_long_to_write(np.ones(1 << 20), arrays=True)
    assert not takes_long_to_write(np.ones(1 << 10), arrays=True)


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 7])
def test_copies_in_steps(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert copied(data) is data
    for memory in (bytearray(data), memoryview(data), memoryview(bytearray(data))):
        copy = copied(memory)
        assert type(copy) is bytes
        assert copy == data


@pytest.mark.parametrize("count", [0, 1, 65_536, 65_537, 200_000])
def test_classes_are_told_in_steps(count: int) -> None:
    numbers = [1] * count
    assert are_of(frozenset({int}), numbers)
    assert not are_of(frozenset({int}), [*numbers, True])
    assert are_of(frozenset({int}), dict(enumerate(numbers)).values())
    assert not are_of(frozenset({int}), [None, *numbers])


# Limits


@pytest.mark.parametrize("spec", [FIT, CALL])
async def test_the_limit_counts_buffers(spec: Method[Any]) -> None:
    payload = _weights(w=_bytes(THRESHOLD))
    body = await _body(payload, spec)
    fits, less = Wire(Serializers(), body.size), Wire(Serializers(), body.size - 1)
    assert same(await read(arrived(await _body(payload, spec, wire=fits)), spec, wire=fits), payload)
    with pytest.raises(RpcError, match=r"has [\d,]+ bytes, more than") as raised:
        await _body(payload, spec, wire=less)
    assert raised.value.code is Code.RESOURCE_EXHAUSTED
    with pytest.raises(RpcError, match=r"has [\d,]+ bytes, more than") as raised:
        await read(arrived(body), spec, wire=less)
    assert raised.value.code is Code.RESOURCE_EXHAUSTED


# Hostile peers


def _tensor(**fields: Any) -> Tensor:
    return Tensor(**{"dtype": dtype_name(np.dtype(np.uint8)), "shape": [4], **fields})


def _request(*tensors: Tensor) -> bytes:
    message = federation_pb2.LearnerFitRequest()
    for number, tensor in enumerate(tensors):
        message.weights.entries.add(name=str(number)).tensor.CopyFrom(tensor)
    return message.SerializeToString()


def _result(*tensors: Tensor) -> bytes:
    message = federation_pb2.FitResult()
    for number, tensor in enumerate(tensors):
        message.weights.entries.add(name=str(number)).tensor.CopyFrom(tensor)
    return message.SerializeToString()


_FOUR = bytearray(4)
_WRONG = pytest.mark.parametrize(
    ("tensors", "buffers", "told"),
    [
        ([_tensor(buffer=1)], [_FOUR], "of 1 buffers"),
        ([_tensor(buffer=0xFFFFFFFF)], [_FOUR], "of 1 buffers"),
        ([_tensor(buffer=0), _tensor(buffer=0)], [_FOUR], "of 1 buffers"),
        ([_tensor(buffer=0)], [], "none came"),
        ([_tensor(buffer=0)], [bytearray(5)], r"shape \(4,\) of .u1 does not match 5"),
        ([_tensor(buffer=0, shape=[2, 3])], [_FOUR], "does not match 4 bytes"),
        ([_tensor(buffer=0, dtype=dtype_name(np.dtype(np.float64)))], [_FOUR], "does not match 4 bytes"),
        ([_tensor(buffer=0, dtype="O")], [_FOUR], "dtype"),
        ([_tensor(buffer=0, shape=[-4])], [_FOUR], "impossible shape"),
        ([_tensor(buffer=0)], [_FOUR, _FOUR], "1 of 2 buffers belong nowhere"),
        ([_tensor(data=b"1234")], [_FOUR], "1 of 1 buffers belong nowhere"),
    ],
)


@_WRONG
async def test_wrong_buffers_of_requests(tensors: list[Tensor], buffers: list[bytearray], told: str) -> None:
    with pytest.raises(RpcError, match=told) as raised:
        await read(Body(_request(*tensors), (), buffers), FIT)
    assert raised.value.code is Code.INVALID_ARGUMENT
    assert raised.value.message.startswith("federation.v1.Learner/Fit: ")


@_WRONG
async def test_wrong_buffers_of_replies(tensors: list[Tensor], buffers: list[bytearray], told: str) -> None:
    with pytest.raises(RpcError, match=told) as raised:
        await WIRE.decode_reply(request({}, FIT), Body(_result(*tensors), (), buffers))
    assert raised.value.code is Code.INTERNAL


async def test_the_field_of_a_wrong_buffer_is_named() -> None:
    with pytest.raises(RpcError, match="weights"):
        await read(Body(_request(_tensor(buffer=7)), (), [_FOUR]), FIT)


@pytest.mark.parametrize(
    ("packed", "buffers", "told"),
    [
        (PyObject(serializer="pickle", data_beside=1), [_FOUR], "of 1 buffers"),
        (PyObject(serializer="pickle", data_beside=0), [], "none came"),
        (PyObject(serializer="pickle", data_beside=0, beside=[0]), [_FOUR], "of 1 buffers"),
        (PyObject(serializer="pickle", data_beside=0), [_FOUR], "not valid pickle"),
        (PyObject(serializer="pickle", data=b"\x80\x05N.", beside=[0, 0]), [_FOUR], "of 1 buffers"),
        (PyObject(serializer="pickle", data=b"\x80\x05N."), [_FOUR], "belong nowhere"),
        (PyObject(serializer="json", data_beside=0), [_FOUR], "not valid JSON"),
        (PyObject(serializer="none", data_beside=0), [_FOUR], "not accepted"),
    ],
)
async def test_wrong_buffers_of_objects(packed: PyObject, buffers: list[bytearray], told: str) -> None:
    with pytest.raises(RpcError, match=told) as raised:
        await read(Body(packed.SerializeToString(), (), buffers))
    assert raised.value.code is Code.INVALID_ARGUMENT


async def test_a_whole_message_that_is_none() -> None:
    with pytest.raises(RpcError, match="not a") as raised:
        await read(Body(b"", (), [bytearray(b"\xff" * 100)]), FIT)
    assert raised.value.code is Code.INVALID_ARGUMENT


def _changes(data: bytes, buffers: list[Any], seed: int) -> Iterator[Body]:
    chance = random.Random(seed)
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(chance.randint(0, 3)):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        kept = [bytearray(buffer[: chance.choice([None, 0, 3])]) for buffer in buffers if chance.random() < 0.8]
        chance.shuffle(kept)
        yield Body(bytes(changed), (), kept)


@pytest.mark.usefixtures("_everything_leaves")
@pytest.mark.parametrize("serializer", ["typed", *BUILT_IN])
async def test_changed_bodies_are_values_or_errors(serializer: str) -> None:
    spec, name = (FIT, "") if serializer == "typed" else (CALL, serializer)
    payload = _weights(a=np.arange(6.0), b=np.arange(8, dtype=np.int16).reshape(2, 4), c=np.array(3))
    whole = arrived(await _body(payload, spec, name))
    assert len(whole.buffers) >= 3
    codes = set[Code]()
    for body in _changes(whole.data, list(whole.buffers), 5):
        try:
            await read(body, spec, name)
        except RpcError as error:
            codes.add(error.code)
    assert codes == {Code.INVALID_ARGUMENT}

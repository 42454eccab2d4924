"""What arrives at the sizes from which payloads leave their calls: typed and schema-less, in streams, on all lanes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np
import pytest
from federation.v1.wire import federation_pb2
from oiafed_rpc import (
    CompressionInterceptor,
    GrpcTransport,
    Interceptor,
    JsonSerializer,
    Node,
    PickleSerializer,
    ProtoSerializer,
    Serializer,
    Serializers,
    Transfer,
)
from oiafed_rpc.codec.apart import THRESHOLD
from oiafed_rpc.system.wire import tensor_pb2
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.stubs.conformance import v1

from tests.e2e.transfers.peer import noise
from tests.e2e.transfers.peers import LANES, SOCKET, STREAM, only
from tests.unit.learners import Echo

SIZES = (0, 1, THRESHOLD - 200, THRESHOLD - 1, THRESHOLD, THRESHOLD + 1)
SERIALIZERS = (PickleSerializer, JsonSerializer, ProtoSerializer)


async def _mirror(value: Any, times: int = 1) -> Any:
    return value


async def _repeat(value: Any, times: int) -> AsyncIterator[Any]:
    for _ in range(times):
        yield value


async def _all(items: AsyncIterator[Any], times: int) -> list[Any]:
    return [item async for item in items]


async def _back(items: AsyncIterator[Any], times: int) -> AsyncIterator[Any]:
    async for item in items:
        yield item


class Two:
    """Two nodes of this process that have a connection.

    Attributes:
        callee: Answers.
        caller: Calls it.
        told: What the caller's progress was told, when each transfer was over.
    """

    def __init__(self, callee: Node, caller: Node) -> None:
        self.callee, self.caller = callee, caller
        self.told: list[Transfer] = []

    def proxy(self, proxy: Any = v1.PainterProxy) -> Any:
        return self.caller.get_proxy("painter_0", proxy).with_options(progress=self._tell)

    def _tell(self, transfer: Transfer) -> None:
        if transfer.over:
            self.told.append(transfer)

    def moved(self) -> list[tuple[bool, int, str]]:
        """The direction, size and lane of the transfers since this was last asked."""
        told, self.told = self.told, []
        assert not [each.error for each in told if each.error]
        return [(each.sending, each.total, each.lane) for each in told]


@asynccontextmanager
async def two(lane: str, *interceptors: Interceptor, serializer: Serializer | None = None) -> AsyncIterator[Two]:
    serializers = Serializers(serializer) if serializer else None
    transport = GrpcTransport("127.0.0.1", 0, lanes=only(lane))
    options: dict[str, Any] = {"heartbeat": False, "serializers": serializers}
    callee = Node("painter_0", "painter", transport, interceptors=interceptors, **options)
    callee.register(Painter())
    for name, function in (("mirror", _mirror), ("repeat", _repeat), ("all", _all), ("back", _back)):
        callee.register_handler(name, function)
    caller = Node("curator", "curator", GrpcTransport(lanes=only(lane)), interceptors=interceptors, **options)
    async with callee, caller:
        await caller.connect(f"painter_0@127.0.0.1:{transport.port}")
        yield Two(callee, caller)


async def _items(*values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


def _is_large(size: int) -> bool:
    """Whether a payload leaves its call: buffers do from the threshold on, and so does a message that has that much."""
    return size >= THRESHOLD - 1


def _same(came: Any, sent: tuple[Any, ...]) -> bool:
    return [np.array_equal(*pair) for pair in zip(came, sent, strict=True)] == [True] * len(sent)


@pytest.mark.parametrize("lane", LANES)
async def test_typed_calls(lane: str) -> None:
    async with two(lane) as nodes:
        proxy = nodes.proxy()
        for size in SIZES:
            value, large = noise(size), _is_large(size)
            assert _same([await proxy.array(value=value)], (value,))
            there, back = nodes.moved() or [(True, 0, lane), (False, 0, lane)]
            assert (there[::2], back[::2]) == ((True, lane), (False, lane))
            assert (size <= there[1] <= size + 20 and there[1] == back[1]) if large else there[1] == 0

            came = await proxy.arrays(value={"a": value, "b": value[:3]})
            assert _same(came.values(), (value, value[:3]))
            assert len(nodes.moved()) == 2 * large

            gathered = await proxy.gather(arrays=_items({"a": value}, {"b": value}, {"c": value[:1]}))
            assert _same(gathered.values(), (value, value, value[:1]))
            assert len(nodes.moved()) == 2 * large + _is_large(2 * size)


@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_schema_less_calls(lane: str, serializer: type[Serializer]) -> None:
    async with two(lane, serializer=serializer()) as nodes:
        proxy = nodes.proxy()
        for size in SIZES:
            value, large = noise(size), _is_large(size)
            both = (value, value[:9])
            assert _same([await proxy.call("mirror", value=value)], (value,))
            assert len(nodes.moved()) == 2 * large
            assert _same([item async for item in proxy.stream("repeat", value=value, times=2)], (value, value))
            assert len(nodes.moved()) == 3 * large
            assert _same(await proxy.call("all", items=_items(*both), times=1), both)
            assert len(nodes.moved()) == 2 * large
            assert _same([item async for item in proxy.stream("back", items=_items(*both), times=1)], both)
            assert len(nodes.moved()) == 2 * large


@pytest.mark.parametrize("lane", LANES)
async def test_what_arrives_may_be_written_to_and_is_nobody_elses(lane: str) -> None:
    async with two(lane) as nodes:
        value = np.zeros(THRESHOLD, np.uint8)
        first, second = await nodes.proxy().array(value=value), await nodes.proxy().array(value=value)
        first += 1
        assert (int(value.sum()), int(second.sum()), int(first.sum())) == (0, 0, THRESHOLD)


@pytest.mark.parametrize("lane", LANES)
async def test_arrays_of_any_layout(lane: str) -> None:
    base = np.arange(3 << 19, dtype=np.float32).reshape(3, 512, 1024)
    async with two(lane) as nodes:
        for value in (base.T, base[:, ::2], np.asfortranarray(base), base[::-1], base.astype(">f8"), base[:, :, :1000]):
            came = await nodes.proxy().array(value=value)
            assert (came.dtype, came.shape) == (value.dtype, value.shape)
            assert np.array_equal(came, value)


@pytest.mark.parametrize("lane", [STREAM, SOCKET])
async def test_compressed_chunks(lane: str) -> None:
    zeros = np.zeros(8 << 20, np.uint8)
    async with two(lane, CompressionInterceptor()) as nodes:
        for value in (zeros, noise(3 << 20), np.arange(1 << 20, dtype=np.float32)):
            assert np.array_equal(await nodes.proxy().array(value=value), value)
        assert all(each.wire <= each.moved for each in nodes.told)
        assert len(nodes.moved()) == 6


async def test_a_plain_client_reaches_the_same_method() -> None:
    async with two(SOCKET) as nodes:
        nodes.callee.register(Echo())
        weights = noise(3 << 20)
        tensor = tensor_pb2.Tensor(dtype="|u1", shape=[weights.size], data=weights.tobytes())
        request = federation_pb2.LearnerFitRequest(
            weights=tensor_pb2.Tensors(entries=[tensor_pb2.Tensors.Entry(name="w", tensor=tensor)]),
            config=federation_pb2.FitConfig(epochs=4),
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{nodes.callee.transport.port}") as channel:
            fit = channel.unary_unary(
                "/federation.v1.Learner/Fit",
                federation_pb2.LearnerFitRequest.SerializeToString,
                federation_pb2.FitResult.FromString,
            )
            result = await fit(request, timeout=20, metadata=(("oiafed-route", "role=trainer"),))
        assert result.samples == 4
        assert result.weights.entries[0].tensor.data == weights.tobytes()


class _Plain(grpc.GenericRpcHandler):
    """A server that knows the method, and nothing of transfers."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != "/conformance.v1.Painter/Array":
            return None

        async def array(body: bytes, context: Any) -> bytes:
            return body  # its request and reply have the same field

        return grpc.unary_unary_rpc_method_handler(array)


async def test_a_plain_server_gets_ordinary_messages() -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((_Plain(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with Node("curator", "curator", GrpcTransport(), heartbeat=False) as caller:
            await caller.connect(f"plain@127.0.0.1:{port}")
            value = noise(3 << 20)
            assert np.array_equal(await caller.get_proxy("plain", v1.PainterProxy).array(value=value), value)
    finally:
        await server.stop(None)


@pytest.mark.parametrize("lane", LANES)
async def test_the_loop_is_not_held(lane: str) -> None:
    """Counted in the processor time of the loop's thread, which other programs of the machine do not change."""
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = time.thread_time()
            woken: asyncio.Future[None] = loop.create_future()
            loop.call_later(0.001, woken.set_result, None)
            await woken
            longest = max(longest, time.thread_time() - before)

    async with two(lane) as nodes:
        value = noise(32 << 20)
        looking = asyncio.create_task(look())
        await nodes.proxy().array(value=value)
        looking.cancel()
    assert 0 < longest < 0.02

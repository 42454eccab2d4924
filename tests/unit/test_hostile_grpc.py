"""Whatever bytes and headers reach the gRPC server: the caller is told in time, and the node goes on."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpc import StatusCode, aio
from oiafed_rpc import GrpcTransport, Node, Serializers
from oiafed_rpc.system.wire.tensor_pb2 import PyObject
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.transport.grpc.statuses import keep_status
from oiafed_rpc.wire.compression import Zstd

from tests.unit.learners import Echo

LIMIT = 1 << 20
TIMEOUT = 10.0  # seconds, within which the server must answer by itself
TRAINER = ("oiafed-route", "source=t;role=trainer")
EXPECTED = {
    StatusCode.OK,
    StatusCode.INVALID_ARGUMENT,
    StatusCode.NOT_FOUND,
    StatusCode.ALREADY_EXISTS,
    StatusCode.PERMISSION_DENIED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.FAILED_PRECONDITION,
    StatusCode.UNIMPLEMENTED,
}
"""What bad input may end in: neither the deadline, nor an error that nobody foresaw."""

UNARY = (
    "/federation.v1.Learner/Describe",
    "/federation.v1.Learner/Fit",
    "/conformance.v1.Painter/Echo",
    "/conformance.v1.Painter/Arrays",
    "/conformance.v1.Painter/Anything",
    "/oiafed.v1.Dynamic/Call",
    "/oiafed.v1.Node/Hello",
    "/grpc.health.v1.Health/Check",
    "/no.such.Service/Method",
)
SERVER_STREAMS = (
    "/federation.v1.Learner/Watch",
    "/oiafed.v1.Dynamic/Stream",
)
LASTING = ("/oiafed.v1.Node/Attend", "/grpc.health.v1.Health/Watch")
"""They end with the node, and are left after their first answer."""
CLIENT_STREAMS = (
    "/conformance.v1.Painter/Sum",
    "/conformance.v1.Painter/Gather",
    "/oiafed.v1.Dynamic/CallWithStream",
)
TWO_WAY = (
    "/conformance.v1.Painter/RunningSum",
    "/conformance.v1.Painter/Paint",
    "/oiafed.v1.Dynamic/StreamWithStream",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
)
ALL = (*UNARY, *SERVER_STREAMS, *LASTING, *CLIENT_STREAMS, *TWO_WAY)

Headers = Sequence[tuple[str, str | bytes]]


class Client:
    """Sends any bytes to any path, and gives what it is told."""

    def __init__(self, channel: aio.Channel) -> None:
        self._channel = channel

    async def send(
        self, path: str, bodies: Iterable[bytes], headers: Headers = (), timeout: float = TIMEOUT
    ) -> StatusCode:
        """How a call ends. On the wire all kinds of calls are the same: some messages each way."""
        call = self._channel.stream_stream(path)(iter(bodies), timeout=timeout, metadata=tuple(headers))
        keep_status(call)
        try:
            async for _ in call:
                if path in LASTING:
                    break
        except aio.AioRpcError as error:
            return error.code()
        finally:
            call.cancel()
        return StatusCode.OK


@asynccontextmanager
async def _attacked(capfd: Any, caplog: Any, **options: Any) -> AsyncIterator[tuple[int, Client]]:
    """A node that must answer in the end as ever, and have had nothing to complain of."""
    async with Node("node_0", "learner", GrpcTransport("127.0.0.1", 0), max_message_size=LIMIT, **options) as node:
        node.register(Echo())
        node.register(Painter())
        node.register_handler("total", _total)
        node.register_handler("length", lambda data, other=None: len(data))
        address = f"127.0.0.1:{node.transport.port}"
        async with aio.insecure_channel(address, [("grpc.max_metadata_size", 1 << 20)]) as channel:
            yield node.transport.port, Client(channel)
        async with aio.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            assert await Client(channel).send("/federation.v1.Learner/Describe", [b""]) is StatusCode.OK
    assert capfd.readouterr().err == ""
    assert [record.getMessage() for record in caplog.records] == []


async def _total(start: int, numbers: AsyncIterator[int]) -> int:
    return start + sum([number async for number in numbers])


@pytest.fixture
def chance() -> random.Random:
    """Another fuzz in each run; pytest-randomly prints its seed and sets it."""
    return random.Random(random.getrandbits(64))


def _json(value: bytes, serializer: str = "json") -> bytes:
    return PyObject(serializer=serializer, data=value).SerializeToString()


def _garbage(chance: random.Random) -> bytes:
    """Random bytes, or valid ones that have been cut, lengthened or flipped."""
    valid = [
        b"\x0a\x08\x0a\x01w\x12\x03\x0a\x01x",
        b"\x0a\x14\x0a\x12\x0a\x01w\x12\x0d\x0a\x03<f4\x12\x02\x01\x02\x1a\x02ab",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        _json(b'{"data": {"$tensor": {"dtype": "<f4", "shape": [1, -1], "buffer": 7}}}'),
        _json(b'{"data": ' + b"[" * 500, "json"),
        _json(b"cos\nsystem\n(S'true'\ntR.", "pickle"),
        _json(b"\x42" * 40, "proto"),
        _json(b"", "no-such"),
    ]
    if chance.random() < 0.4:
        return chance.randbytes(chance.choice([0, 1, 5, 60, 3_000]))
    data = bytearray(chance.choice(valid))
    for _ in range(chance.randrange(4)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data[: chance.randrange(1, len(data) + 1)]) + chance.randbytes(chance.choice([0, 0, 2]))


def _headers(chance: random.Random) -> list[tuple[str, str | bytes]]:
    """Headers of the protocol with values that are mostly wrong."""
    wrong = ["", "%", "%zz", "%ff%fe", "%00", ";;==;", "a" * 300, "json", "pickle", "proto", "%F0%9F", "=", ","]
    keys = ["method", "stream", "serializer", "encoding", "accept-encoding", "call-id", "accept", "no-such"]
    chosen: list[tuple[str, str | bytes]] = [TRAINER]
    if chance.random() < 0.3:
        parts = (f"{key}={chance.choice(wrong)}" for key in ("source", "role", "target", "accept", "x", ""))
        chosen = [("oiafed-route", ";".join(parts))]
    for key in chance.sample(keys, chance.randrange(len(keys))):
        chosen.append((f"oiafed-{key}", chance.choice(wrong)))
    if chance.random() < 0.5:
        chosen.append(("oiafed-method", chance.choice(["total", "length", "fit", "watch"])))
    if chance.random() < 0.3:
        chosen.append(("oiafed-anything-bin", chance.randbytes(9)))
    return chosen


async def test_random_bodies_and_headers(capfd: Any, caplog: Any, chance: random.Random) -> None:
    async with _attacked(capfd, caplog) as (_, client):
        for _ in range(12):
            calls = []
            for path in ALL:
                bodies = [
                    _garbage(chance)
                    for _ in range(1 if path in UNARY + SERVER_STREAMS + LASTING else chance.randrange(5))
                ]
                calls.append((path, bodies, _headers(chance)))
            codes = await asyncio.gather(*(client.send(*call) for call in calls))
            for call, code in zip(calls, codes, strict=True):
                assert code in EXPECTED, (code, call)


@pytest.mark.parametrize("bodies", [(b"", b""), (b"\xff", b"\xff")], ids=["two", "two wrong"])
async def test_another_number_of_messages_than_the_method_takes(capfd: Any, caplog: Any, bodies: Any) -> None:
    async with _attacked(capfd, caplog) as (_, client):
        codes = {path: await client.send(path, bodies, [TRAINER]) for path in (*UNARY, *SERVER_STREAMS)}
    wrong = {path: code for path, code in codes.items() if code not in EXPECTED}
    assert wrong == {}


async def test_a_unary_request_without_a_message_ends_by_its_deadline(capfd: Any, caplog: Any) -> None:
    """grpc.aio answers none of them: whoever sends one waits for itself alone."""
    async with _attacked(capfd, caplog) as (_, client):
        codes = await asyncio.gather(*(client.send(path, [], [TRAINER], timeout=0.5) for path in UNARY))
    assert set(codes) == {StatusCode.DEADLINE_EXCEEDED}


async def test_messages_beyond_the_limit(capfd: Any, caplog: Any) -> None:
    async with _attacked(capfd, caplog) as (_, client):
        for path in ("/conformance.v1.Painter/Arrays", "/conformance.v1.Painter/Gather", "/no.such.Service/Method"):
            assert await client.send(path, [bytes(2 * LIMIT)], [TRAINER]) is StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("path", CLIENT_STREAMS)
@pytest.mark.parametrize("method", ["total", "length", "describe"])
async def test_a_stream_that_ends_before_its_head(capfd: Any, caplog: Any, path: str, method: str) -> None:
    headers = [TRAINER, ("oiafed-method", method), ("oiafed-stream", "numbers")]
    async with _attacked(capfd, caplog) as (_, client):
        code = await client.send(path, [], headers)
        if path.endswith("/Gather"):  # it has no head
            assert code is StatusCode.OK
        elif path.startswith("/oiafed.") and method == "describe":
            assert code is StatusCode.FAILED_PRECONDITION
        else:
            assert code is StatusCode.INVALID_ARGUMENT


async def test_streams_that_are_not_as_their_headers_say(capfd: Any, caplog: Any) -> None:
    head, item = _json(b'{"start": 1}'), _json(b"2")
    path, method = "/oiafed.v1.Dynamic/CallWithStream", ("oiafed-method", "total")
    async with _attacked(capfd, caplog) as (_, client):
        for stream, bodies, code in (
            ("numbers", [head, item, item], StatusCode.OK),
            ("", [head, item], StatusCode.INVALID_ARGUMENT),
            ("other", [head, item], StatusCode.INVALID_ARGUMENT),
            ("start", [head, item], StatusCode.INVALID_ARGUMENT),
            ("numbers", [item, item], StatusCode.INVALID_ARGUMENT),
            ("numbers", [head, b"\xff"], StatusCode.INVALID_ARGUMENT),
        ):
            assert await client.send(path, bodies, [TRAINER, method, ("oiafed-stream", stream)]) is code, stream
        for typed in ("/conformance.v1.Painter/Paint", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"):
            assert await client.send(typed, [b""], [("oiafed-stream", "numbers")]) is StatusCode.OK, typed


@pytest.mark.parametrize("size", [7_000, 8_100, 8_300, 15_000, 16_300, 20_000, 40_000])
async def test_large_metadata(capfd: Any, caplog: Any, size: int) -> None:
    async with _attacked(capfd, caplog) as (_, client):
        for path in ("/federation.v1.Learner/Describe", "/oiafed.v1.Dynamic/Call", "/oiafed.v1.Dynamic/Stream"):
            code = await client.send(path, [_json(b"{}")], [("oiafed-method", "length"), ("x-large", "x" * size)])
            if size > 8192:
                assert code is StatusCode.RESOURCE_EXHAUSTED
            else:
                assert code in EXPECTED - {StatusCode.RESOURCE_EXHAUSTED}
        many = [(f"x-{number}", "y") for number in range(100)]
        assert await client.send("/federation.v1.Learner/Describe", [b""], many) is StatusCode.RESOURCE_EXHAUSTED


async def test_serializers_that_are_not_there_or_not_accepted(capfd: Any, caplog: Any) -> None:
    async with _attacked(capfd, caplog, serializers=Serializers("json", ["json", "proto"])) as (_, client):
        for name in ("pickle", "no-such", "%ff", "a" * 500, "json:json"):
            for path, headers in (
                ("/federation.v1.Learner/Fit", [TRAINER, ("oiafed-serializer", name)]),
                ("/oiafed.v1.Dynamic/Call", [TRAINER, ("oiafed-method", "length")]),
            ):
                code = await client.send(path, [_json(b"{}", name)], headers)
                assert code is StatusCode.INVALID_ARGUMENT, (name, path)
        readable = [("oiafed-route", "accept=no-such,%ff,,pickle"), ("oiafed-method", "length")]
        assert await client.send("/oiafed.v1.Dynamic/Call", [_json(b'{"data": "abc"}')], readable) in EXPECTED


def _zstd(blocks: int, claim: int | None) -> bytes:
    """A zstd frame of blocks of 128 KiB, four bytes each, that claims to have some number of bytes (RFC 8878)."""
    size = b"" if claim is None else struct.pack("<Q", claim)
    block = struct.pack("<I", 1 << 1 | 1 << 17 << 3)[:3] + b"\0"
    last = struct.pack("<I", 1 | 1 << 1 | 1 << 17 << 3)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd" + (b"\0" if claim is None else b"\xc0") + b"\x38" + size + block * (blocks - 1) + last


@pytest.mark.parametrize("path", ["/federation.v1.Learner/Fit", "/oiafed.v1.Dynamic/Call"])
async def test_bombs_of_zstd(capfd: Any, caplog: Any, path: str) -> None:
    headers = [TRAINER, ("oiafed-encoding", "zstd"), ("oiafed-method", "length")]
    async with _attacked(capfd, caplog) as (_, client):
        tracemalloc.start()
        try:
            for body, code in (
                (_zstd(8192, 8192 << 17), StatusCode.RESOURCE_EXHAUSTED),  # 1 GiB, and says so
                (_zstd(8192, None), StatusCode.INVALID_ARGUMENT),  # ... and does not say so
                (_zstd(8192, 1000), StatusCode.INVALID_ARGUMENT),  # ... and lies
                (_zstd(1, 1 << 62), StatusCode.RESOURCE_EXHAUSTED),
                (_zstd(1, None), StatusCode.INVALID_ARGUMENT),
                (_zstd(4, 1000)[:-5], StatusCode.INVALID_ARGUMENT),
                (_zstd(4, 4 << 17)[:-5], StatusCode.INVALID_ARGUMENT),
                (b"", StatusCode.INVALID_ARGUMENT),
                (b"no zstd at all", StatusCode.INVALID_ARGUMENT),
            ):
                assert await client.send(path, [body], headers) is code, body[:20]
            assert tracemalloc.get_traced_memory()[1] < 32 * LIMIT
        finally:
            tracemalloc.stop()


async def test_compressions_of_other_kinds(capfd: Any, caplog: Any) -> None:
    body, method = Zstd().compress(_json(b'{"data": "abc"}')), ("oiafed-method", "length")
    async with _attacked(capfd, caplog) as (_, client):
        for name, code in (
            ("zstd", StatusCode.OK),
            ("gzip", StatusCode.UNIMPLEMENTED),
            ("ZSTD", StatusCode.UNIMPLEMENTED),
            ("zstd,gzip", StatusCode.UNIMPLEMENTED),
        ):
            told = await client.send("/oiafed.v1.Dynamic/Call", [body], [("oiafed-encoding", name), method])
            assert told is code, name


# Below gRPC: HTTP/2 by hand (RFC 9113), its headers without compression (RFC 7541, section 6.2.2).


def _frame(kind: int, flags: int, body: bytes, stream: int = 1) -> bytes:
    return struct.pack(">I", len(body))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + body


def _opening(path: str) -> bytes:
    """What a client sends up to the headers of its first request."""
    listed = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "x",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    fields = b"".join(
        b"\0" + bytes([len(key)]) + key.encode() + bytes([len(value)]) + value.encode() for key, value in listed.items()
    )
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, b"", 0) + _frame(1, 4, fields)


def _hostile_connections(path: str, chance: random.Random) -> Iterator[bytes]:
    opening = _opening(path)
    claims_more = b"\0" + struct.pack(">I", 1000) + b"abc"
    yield chance.randbytes(500)
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield opening
    yield opening + _frame(0, 0, claims_more)
    yield opening + _frame(0, 1, claims_more)  # the stream is at its end
    yield opening + _frame(0, 1, b"\0" + struct.pack(">I", 1 << 31) + b"abc")
    yield opening + _frame(0, 1, b"\1" + struct.pack(">I", 3) + b"abc")  # compressed, by no algorithm
    yield opening + _frame(0, 0, b"\0" * 5) + _frame(3, 0, struct.pack(">I", 8))  # a request, then its reset
    yield opening + chance.randbytes(200)


def _connect_and_break(port: int, data: bytes, *, reset: bool) -> None:
    """Send bytes, and close: in order, after what the server has to say, or by a reset at once."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(data)
        if reset:
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


@pytest.mark.parametrize("reset", [False, True], ids=["half-closed", "reset"])
async def test_connections_that_break(capfd: Any, caplog: Any, chance: random.Random, reset: bool) -> None:
    async with _attacked(capfd, caplog) as (port, _):
        for path in ("/federation.v1.Learner/Describe", "/conformance.v1.Painter/Sum", "/oiafed.v1.Dynamic/Stream"):
            for data in _hostile_connections(path, chance):
                await asyncio.to_thread(_connect_and_break, port, data, reset=reset)


async def test_calls_that_are_cancelled_in_the_middle(capfd: Any, caplog: Any) -> None:
    async with _attacked(capfd, caplog) as (port, _), aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for path in ALL:
            for bodies in ((), (b"",), (b"\xff",)):
                call = channel.stream_stream(path)(timeout=TIMEOUT, metadata=(TRAINER,))
                with contextlib.suppress(aio.AioRpcError):  # it was quicker, and has refused it
                    for body in bodies:
                        await call.write(body)
                if call.cancel():
                    assert await call.code() is StatusCode.CANCELLED

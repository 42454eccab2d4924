"""What docs/wire.md says of transfers is enough to move them: this is a client that knows no more than that."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import numpy as np
import pytest
import xxhash
from oiafed_rpc import Code, GrpcTransport, Node
from oiafed_rpc.system.wire.bulk_pb2 import Chunk, OpenReply, OpenRequest, PullRequest, ReceivedReply, Transfer
from oiafed_rpc.system.wire.tensor_pb2 import PyObject

ID = bytes(range(16))
MIB = 1 << 20
TAG = b"\xfa\xff\xff\xff\x0f"
HEADERS = (("oiafed-method", "double"), ("oiafed-route", "accept=json;bulk=1"))


@pytest.fixture
async def learner() -> AsyncIterator[Node]:
    async with Node("learner_0", "learner", GrpcTransport("127.0.0.1", 0), heartbeat=False) as node:
        node.register_handler("double", lambda array: array * 2, unpack=True)
        yield node


@pytest.fixture
async def channel(learner: Node) -> AsyncIterator[grpc.aio.Channel]:
    transport = learner.transport
    assert isinstance(transport, GrpcTransport)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{transport.port}") as channel:
        yield channel


def _chunks(data: bytes, start: int = 0) -> Iterable[tuple[bytes, bytes]]:
    """Head and bytes of each chunk from a byte on."""
    while start < len(data):
        stop = min(start // MIB * MIB + MIB, len(data))
        raw = data[start:stop]
        yield struct.pack("!QQIIBB6x", start, xxhash.xxh3_64_intdigest(raw, start), len(raw), len(raw), 0, 0), raw
        start = stop


def _request(array: np.ndarray[Any, Any]) -> bytes:
    """A body that has left its array out, of a handler's `double(array)`."""
    shaped = {"array": {"$tensor": {"dtype": "<f4", "shape": list(array.shape), "buffer": 0}}}
    reference = Transfer(id=ID).SerializeToString()
    body = PyObject(serializer="json", data=json.dumps(shaped).encode(), beside=[0]).SerializeToString()
    return TAG + bytes([len(reference)]) + reference + body


def _reference(body: bytes) -> Transfer:
    assert body.startswith(TAG)
    return Transfer.FromString(body[len(TAG) + 1 :][: body[len(TAG)]])


async def _call(channel: grpc.aio.Channel, body: bytes) -> bytes:
    reply: bytes = await channel.unary_unary("/oiafed.v1.Dynamic/Call")(body, metadata=HEADERS, timeout=20)
    return reply


async def _push(channel: grpc.aio.Channel, data: bytes, start: int = 0) -> int:
    async def messages() -> AsyncIterator[Chunk]:
        yield Chunk(transfer=Transfer(id=ID, sizes=[len(data)]))
        for head, raw in _chunks(data, start):
            yield Chunk(head=head, data=raw)

    push = channel.stream_unary("/oiafed.v1.Bulk/Push", Chunk.SerializeToString, ReceivedReply.FromString)
    reply: ReceivedReply = await push(messages(), timeout=20)
    return reply.received


async def test_over_the_service(channel: grpc.aio.Channel) -> None:
    array = np.arange(3 * MIB / 8, dtype="<f4")
    assert await _push(channel, array.tobytes()) == array.nbytes
    reference = _reference(await _call(channel, _request(array)))
    assert list(reference.sizes) == [array.nbytes]

    pull = channel.stream_stream("/oiafed.v1.Bulk/Pull", PullRequest.SerializeToString, Chunk.FromString)(timeout=20)
    await pull.write(PullRequest(id=reference.id, offset=4))
    came = b""
    while 4 + len(came) < array.nbytes:
        chunk: Any = await pull.read()
        offset, digest, size, packed, packing, shuffle = struct.unpack("!QQIIBB6x", chunk.head)
        assert (offset, size, packed, packing, shuffle) == (4 + len(came), len(chunk.data), len(chunk.data), 0, 0)
        assert xxhash.xxh3_64_intdigest(chunk.data, offset) == digest
        came += chunk.data
    await pull.write(PullRequest())
    assert await pull.read() is grpc.aio.EOF
    assert came == (array * 2).tobytes()[4:]


async def test_over_the_socket(channel: grpc.aio.Channel) -> None:
    array = np.arange(3 * MIB / 8, dtype="<f4")
    open_lanes = channel.unary_unary("/oiafed.v1.Bulk/Open", OpenRequest.SerializeToString, OpenReply.FromString)
    (lane,) = (await open_lanes(OpenRequest(lanes=["socket"]), timeout=20)).lanes
    with socket.create_connection(("127.0.0.1", int(lane.address)), timeout=20) as line:
        line.setblocking(False)
        told = _Line(line)
        await told.send(lane.ticket)
        assert await told.receive(32) == lane.proof
        body = ID + b"\x01" + struct.pack("!Q", array.nbytes)
        await told.send(b"\x01" + struct.pack("!I", len(body)) + body)
        assert await told.receive(9) == bytes(9)
        for head, raw in _chunks(array.tobytes()):
            await told.send(head + raw)
        assert await told.receive(1) == b"\0"
        reference = _reference(await _call(channel, _request(array)))
        await told.send(b"\x02" + struct.pack("!I", 24) + reference.id + struct.pack("!Q", 0))
        assert await told.receive(1) == b"\0"
        expected = b"".join(head + raw for head, raw in _chunks((array * 2).tobytes()))
        assert await told.receive(len(expected)) == expected
        await told.send(b"\0")
        await told.send(b"\x02" + struct.pack("!I", 24) + bytes(24))
        code, size = struct.unpack("!BI", await told.receive(5))
        assert (code, b"to be fetched" in await told.receive(size)) == (Code.NOT_FOUND, True)


async def test_bodies_whose_buffers_do_not_fit_are_refused(channel: grpc.aio.Channel) -> None:
    array = np.zeros(4, "<f4")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _call(channel, _request(array))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    await _push(channel, array.tobytes())
    twice = _request(array) + PyObject(beside=[0]).SerializeToString()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _call(channel, twice)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


class _Line:
    """A socket that does not block, on the event loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += await asyncio.get_running_loop().sock_recv(self._sock, size - len(data))
        return data

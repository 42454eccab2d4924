"""A client of its own making, over the public wire: what it may do, and what becomes of its lies."""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import xxhash
from grpc import StatusCode, aio
from oiafed_rpc import AuthInterceptor, GrpcTransport, Interceptor, Node
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.system.wire import bulk_pb2, tensor_pb2
from oiafed_rpc.testing.conformance.painter import Painter

CHUNK = 1 << 20
LIMIT = 16 << 20
TOKEN = ("auth_token", "s3cret")
BULK = ("oiafed-route", "bulk=1")
REFERENCE = b"\xfa\xff\xff\xff\x0f"  # field 536870911, of bytes
DATA = bytes(range(256)) * 10240  # 2.5 MiB: three chunks
SOON = 10.0


def head(offset: int, data: bytes, /, **lies: int) -> bytes:
    """What a chunk is, as docs/wire.md says; some of it otherwise."""
    true = {"offset": offset, "checksum": xxhash.xxh3_64_intdigest(data, offset), "size": len(data)}
    told = true | {"packed": len(data), "packing": 0, "shuffle": 0} | lies
    return struct.pack("!QQIIBB6x", *(told[key] for key in (*true, "packed", "packing", "shuffle")))


def chunks(data: bytes, start: int = 0) -> list[bulk_pb2.Chunk]:
    """All chunks of some bytes, from one on."""
    parts = ((offset, data[offset : offset + CHUNK]) for offset in range(start, len(data), CHUNK))
    return [bulk_pb2.Chunk(head=head(offset, part), data=part) for offset, part in parts]


def begins(transfer: bytes, *sizes: int) -> bulk_pb2.Chunk:
    """What a push begins with."""
    return bulk_pb2.Chunk(transfer=bulk_pb2.Transfer(id=transfer, sizes=sizes))


def array_of(size: int) -> bytes:
    """The message of `Painter/Array`: its first field is a tensor, whose elements are the first buffer beside it."""
    tensor = tensor_pb2.Tensor(dtype="|u1", shape=[size], buffer=0).SerializeToString()
    return b"\x0a" + bytes([len(tensor)]) + tensor


def refers(transfer: bytes, message: bytes) -> bytes:
    """A message that has left its buffers to a transfer."""
    reference = bulk_pb2.Transfer(id=transfer).SerializeToString()
    return REFERENCE + bytes([len(reference)]) + reference + message


class Client:
    """Speaks gRPC, and knows the service of transfers."""

    def __init__(self, channel: aio.Channel, node: Node) -> None:
        self._channel = channel
        self.node = node

    async def push(self, *requests: bulk_pb2.Chunk, headers: Sequence[tuple[str, str]] = (TOKEN,)) -> int:
        method = self._channel.stream_unary(
            "/oiafed.v1.Bulk/Push", bulk_pb2.Chunk.SerializeToString, bulk_pb2.ReceivedReply.FromString
        )
        return int((await method(iter(requests), timeout=SOON, metadata=headers)).received)

    async def received(self, transfer: bytes) -> int:
        request = bulk_pb2.TransferRequest(id=transfer)
        return int((await self._unary("Received", request, bulk_pb2.ReceivedReply)).received)

    async def open(self, *lanes: str, headers: Sequence[tuple[str, str]] = (TOKEN,)) -> list[Any]:
        request = bulk_pb2.OpenRequest(lanes=lanes)
        return list((await self._unary("Open", request, bulk_pb2.OpenReply, headers)).lanes)

    async def _unary(self, name: str, request: Any, reply: Any, headers: Any = (TOKEN,)) -> Any:
        method = self._channel.unary_unary(f"/oiafed.v1.Bulk/{name}", type(request).SerializeToString, reply.FromString)
        return await method(request, timeout=SOON, metadata=headers)

    async def pull(self, transfer: bytes, offset: int = 0) -> list[bulk_pb2.Chunk]:
        method = self._channel.stream_stream(
            "/oiafed.v1.Bulk/Pull", bulk_pb2.PullRequest.SerializeToString, bulk_pb2.Chunk.FromString
        )
        call = method(timeout=SOON, metadata=(TOKEN,))
        await call.write(bulk_pb2.PullRequest(id=transfer, offset=offset))
        came: list[bulk_pb2.Chunk] = []
        async for chunk in call:
            came.append(chunk)
            read = struct.unpack("!QQIIBB6x", chunk.head)
            if read[0] + read[2] == len(DATA):
                await call.write(bulk_pb2.PullRequest(id=transfer, offset=len(DATA)))
        return came

    async def array(self, body: bytes, *headers: tuple[str, str]) -> bytes:
        method = self._channel.unary_unary("/conformance.v1.Painter/Array")
        return bytes(await method(body, timeout=SOON, metadata=(TOKEN, *headers)))


@asynccontextmanager
async def client(*interceptors: Interceptor) -> AsyncIterator[Client]:
    transport = GrpcTransport("127.0.0.1", 0, lanes=LanesConfig(shared_memory=False))
    node = Node("painter_0", "painter", transport, interceptors=interceptors, max_message_size=LIMIT, heartbeat=False)
    node.register(Painter())
    async with node, aio.insecure_channel(f"127.0.0.1:{transport.port}") as channel:
        yield Client(channel, node)


async def test_a_call_whose_array_was_pushed_before() -> None:
    transfer = os.urandom(16)
    async with client() as there:
        assert await there.push(begins(transfer, len(DATA)), *chunks(DATA)) == len(DATA)
        reply = await there.array(refers(transfer, array_of(len(DATA))))
    tensor = tensor_pb2.Tensor.FromString(reply[reply.index(b"\x0a\x03|u1") :])
    assert (list(tensor.shape), tensor.data) == ([len(DATA)], DATA)  # an ordinary message: nothing else was asked for


async def test_a_reply_that_is_pulled() -> None:
    transfer = os.urandom(16)
    async with client() as there:
        await there.push(begins(transfer, len(DATA)), *chunks(DATA))
        reply = await there.array(refers(transfer, array_of(len(DATA))), BULK)
        size = reply[len(REFERENCE)]
        start = len(REFERENCE) + 1
        told = bulk_pb2.Transfer.FromString(reply[start : start + size])
        assert list(told.sizes) == [len(DATA)]
        assert reply[start + size :] == array_of(len(DATA))
        assert await there.pull(told.id) == chunks(DATA)
        with pytest.raises(aio.AioRpcError) as failure:
            await there.pull(told.id)
        assert failure.value.code() is StatusCode.NOT_FOUND


async def test_a_push_goes_on_where_another_has_ended() -> None:
    transfer = os.urandom(16)
    async with client() as there:
        with pytest.raises(aio.AioRpcError) as failure:
            await there.push(begins(transfer, len(DATA)), chunks(DATA)[0])
        assert failure.value.code() is StatusCode.INVALID_ARGUMENT
        assert await there.received(transfer) == CHUNK
        assert await there.push(begins(transfer, len(DATA)), *chunks(DATA, CHUNK)) == len(DATA)
        assert len(await there.array(refers(transfer, array_of(len(DATA))))) > len(DATA)
        assert await there.received(transfer) == 0


LIES: dict[str, tuple[dict[str, int], StatusCode]] = {
    "a wrong checksum": ({"checksum": 1}, StatusCode.DATA_LOSS),
    "another place": ({"offset": CHUNK}, StatusCode.DATA_LOSS),
    "fewer bytes than follow": ({"size": 10, "packed": 10}, StatusCode.DATA_LOSS),
    "more bytes than follow": ({"packed": CHUNK, "size": CHUNK}, StatusCode.DATA_LOSS),
    "no bytes": ({"size": 0, "packed": 0}, StatusCode.INVALID_ARGUMENT),
    "too many bytes": ({"size": CHUNK + 1, "packed": CHUNK + 1}, StatusCode.INVALID_ARGUMENT),
    "all bytes": ({"size": 2**32 - 1, "packed": 2**32 - 1}, StatusCode.INVALID_ARGUMENT),
    "an unknown packing": ({"packing": 7}, StatusCode.INVALID_ARGUMENT),
    "no frame of Zstandard": ({"packing": 1}, StatusCode.DATA_LOSS),
    "packed into more": ({"packing": 1, "packed": CHUNK - 1000 + 1}, StatusCode.INVALID_ARGUMENT),
    "a shuffle without a packing": ({"shuffle": 4}, StatusCode.INVALID_ARGUMENT),
}


async def test_heads_that_lie() -> None:
    data = DATA[: CHUNK - 1000]
    async with client() as there:
        for lie, (changed, code) in LIES.items():
            transfer = os.urandom(16)
            with pytest.raises(aio.AioRpcError) as failure:
                await there.push(begins(transfer, len(data)), bulk_pb2.Chunk(head=head(0, data, **changed), data=data))
            assert failure.value.code() is code, lie
            assert await there.received(transfer) == 0, lie
            assert await there.push(begins(transfer, len(data)), *chunks(data)) == len(data), lie


async def test_transfers_that_are_none() -> None:
    async with client() as there:
        for expected, *requests in (
            (StatusCode.RESOURCE_EXHAUSTED, begins(os.urandom(16), LIMIT + 1)),
            (StatusCode.RESOURCE_EXHAUSTED, begins(os.urandom(16), *[1 << 62] * 4)),
            (StatusCode.INVALID_ARGUMENT, begins(b"short", 10)),
            (StatusCode.INVALID_ARGUMENT, chunks(DATA)[0]),
            (StatusCode.INVALID_ARGUMENT, begins(os.urandom(16), 10), begins(os.urandom(16), 10)),
            (StatusCode.INVALID_ARGUMENT,),
        ):
            with pytest.raises(aio.AioRpcError) as failure:
                await there.push(*requests)
            assert failure.value.code() is expected, requests


async def test_calls_that_refer_to_what_has_not_come() -> None:
    async with client() as there:
        unknown, begun, other = os.urandom(16), os.urandom(16), os.urandom(16)
        with pytest.raises(aio.AioRpcError):
            await there.push(begins(begun, len(DATA)), chunks(DATA)[0])
        await there.push(begins(other, 10, 10), *chunks(bytes(20)))
        for body, code in (
            (refers(unknown, array_of(10)), StatusCode.FAILED_PRECONDITION),
            (refers(begun, array_of(len(DATA))), StatusCode.FAILED_PRECONDITION),
            (refers(b"short", array_of(10)), StatusCode.INVALID_ARGUMENT),
            (REFERENCE + b"\xff\xff", StatusCode.INVALID_ARGUMENT),
            (refers(other, array_of(10)), StatusCode.INVALID_ARGUMENT),  # which has one buffer too many
            (array_of(10), StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(aio.AioRpcError) as failure:
                await there.array(body)
            assert failure.value.code() is code, body


async def test_a_transfer_has_the_sizes_that_it_began_with() -> None:
    transfer = os.urandom(16)
    async with client() as there:
        with pytest.raises(aio.AioRpcError):
            await there.push(begins(transfer, len(DATA)))
        with pytest.raises(aio.AioRpcError) as failure:
            await there.push(begins(transfer, len(DATA) - 1), *chunks(DATA[:-1]))
        assert failure.value.code() is StatusCode.INVALID_ARGUMENT


async def test_without_the_right_token_nothing_is_taken() -> None:
    transfer = os.urandom(16)
    async with client(AuthInterceptor(TOKEN[1])) as there:
        for headers in ((), (("auth_token", "wrong"),)):
            for attempt in (
                there.push(begins(transfer, len(DATA)), *chunks(DATA), headers=headers),
                there.open("socket", headers=headers),
            ):
                with pytest.raises(aio.AioRpcError) as failure:
                    await attempt
                assert failure.value.code() is StatusCode.UNAUTHENTICATED
        assert await there.received(transfer) == 0
        assert [lane.name for lane in await there.open("socket", "shared_memory", "pigeon")] == ["socket"]
        assert await there.push(begins(transfer, len(DATA)), *chunks(DATA)) == len(DATA)

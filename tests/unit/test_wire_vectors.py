"""The test vectors of docs/wire.md are those of this version, and read back as what they mean."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from oiafed_rpc import Code
from oiafed_rpc.bulk.chunk import Head
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.messages import CHUNKS, Arrived
from oiafed_rpc.bulk.reference import has_reference, split
from oiafed_rpc.codec.values import NATIVE
from oiafed_rpc.message import Message
from oiafed_rpc.system.wire.tensor_pb2 import PyObject, Tensor
from oiafed_rpc.wire import Body
from oiafed_rpc.wire.headers import request_from
from oiafed_rpc.wire.status import decode_error

from tests.vectors import FILE, METHODS, SERIALIZERS, TRANSFER, WIRE, Vector, document, plain

VECTORS: dict[str, list[Vector]] = json.loads(FILE.read_text(encoding="utf-8"))
DESCRIBE = "/federation.v1.Learner/Describe"


def _each(group: str) -> Any:
    return pytest.mark.parametrize("vector", VECTORS[group], ids=lambda vector: vector["about"])


def test_the_file_is_not_stale() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), "run `python -m tests.vectors`"


async def _given(bodies: list[Body]) -> AsyncIterator[Body]:
    for body in bodies:
        yield body


@_each("requests")
async def test_requests(vector: Vector) -> None:
    spec = METHODS[vector["path"]]
    bodies = [Body(bytes.fromhex(body)) for body in vector["bodies"]]
    headers = [(key, value) for key, value in vector["headers"]]
    message = request_from(vector["path"], spec, _given(bodies) if spec.takes_stream else bodies[0], headers, "b")
    await WIRE.decode_stream(message) if spec.takes_stream else await WIRE.decode_request(message)
    came = [plain(message.payload)]
    if message.items is not None:
        came += [plain(item) async for item in message.items]
    assert came == vector["means"]
    assert (message.role, message.call_id) == ("trainer", "5f3a9c0d1e2b4a68-7")
    if "not ASCII" in vector["about"]:
        assert (message.source, message.target, message.method) == ("Köln, Labor 1", "a/b", "prüfe=alles;50%")
    else:
        assert (message.source, message.target) == ("trainer", "learner_0")
    assert message.metadata == {key: value for key, value in headers if not key.startswith("oiafed-")}


@_each("replies")
async def test_replies(vector: Vector) -> None:
    request = Message("", "trainer", "learner_0", None, spec=METHODS[vector["path"]], serializer=vector["serializer"])
    assert plain(await WIRE.decode_reply(request, Body(bytes.fromhex(vector["body"])))) == vector["means"]


@_each("errors")
def test_errors(vector: Vector) -> None:
    request = Message("", "trainer", "learner_0", None, spec=METHODS[DESCRIBE])
    error = decode_error(request, bytes.fromhex(vector["grpc-status-details-bin"]), SERIALIZERS)
    assert error is not None
    means = vector["means"]
    assert type(error).__name__ == means["class"]
    assert (error.code, error.message) == (Code(vector["grpc-status"]), vector["grpc-message"])
    assert means["details"].items() <= error.details.items()
    assert getattr(error, "retry_after", None) == means["retry_after"]
    assert (error.__cause__ is None) is (means["cause"] is None)
    assert means["cause"] is None or means["cause"] in str(error.__cause__)


@_each("tensors")
def test_tensors(vector: Vector) -> None:
    message = Tensor.FromString(bytes.fromhex(vector["body"]))
    assert plain(NATIVE["oiafed.v1.Tensor"].read(message, SERIALIZERS)) == vector["means"]


@_each("values")
@pytest.mark.parametrize("serializer", ["json", "proto"])
def test_values(vector: Vector, serializer: str) -> None:
    message = PyObject.FromString(bytes.fromhex(vector["bodies"][serializer]))
    assert message.serializer == serializer
    buffers = [bytearray(each) for each in message.buffers]
    assert plain(SERIALIZERS.load(serializer, message.data, buffers)) == vector["means"]


@_each("transfers")
async def test_transfers(vector: Vector) -> None:
    data = bytes.fromhex(vector["body"])
    assert has_reference(data)
    reference, rest = split(data)
    buffers = [bytearray.fromhex(buffer) for buffer in vector["buffers"]]
    assert (reference.id, list(reference.sizes)) == (TRANSFER, vector["sizes"])
    spec = METHODS[vector["path"]]
    if vector["sizes"]:
        request = Message("", "trainer", "learner_0", None, spec=spec)
        assert [len(buffer) for buffer in buffers] == vector["sizes"]
        assert plain(await WIRE.decode_reply(request, Body(rest, (), buffers))) == vector["means"]
    else:
        message = request_from(vector["path"], spec, Body(rest, (), buffers), [], "b")
        await WIRE.decode_request(message)
        assert plain(message.payload) == vector["means"]


@_each("chunks")
def test_chunks(vector: Vector) -> None:
    head = Head.from_bytes(bytes.fromhex(vector["head"]))
    raw = bytes.fromhex(vector["means"]["raw"])
    assert (head.offset, head.size) == (vector["means"]["offset"], len(raw))
    arrived = CHUNKS.decode(bytes.fromhex(vector["message"]), SERIALIZERS)
    assert isinstance(arrived, Arrived)
    assert (arrived.head, arrived.data.hex()) == (head, vector["data"])
    incoming = Incoming(TRANSFER, [head.offset + head.size] if head.offset == 0 else [head.offset, head.size], 1 << 30)
    session = incoming.begin()
    incoming.advance(session, head.offset)
    session.accept(head, arrived.data)
    assert incoming.buffers[-1] == raw

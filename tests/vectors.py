"""`python -m tests.vectors`: write docs/wire-vectors.json, what the wire's specification shows of real calls.

Everything in it is made by the runtime itself, and a test decodes it again.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from federation.v1 import FitConfig, FitResult, LearnerHandler, LearnerInfo, NotReady, Phase, Progress
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from oiafed_rpc import AuthError, Code, RetriableError, RpcError, Serializers
from oiafed_rpc.bulk.chunk import CHUNK, ZSTD, Chunk, Head, checksum
from oiafed_rpc.bulk.messages import CHUNKS
from oiafed_rpc.bulk.packing import shuffled
from oiafed_rpc.bulk.reference import with_reference
from oiafed_rpc.codec.values import NATIVE
from oiafed_rpc.dynamic import DYNAMIC
from oiafed_rpc.errors import as_rpc_error
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.schemas.offers import Offers
from oiafed_rpc.serializer import JsonSerializer, Packed, ProtoSerializer
from oiafed_rpc.system.node import NodeHandler
from oiafed_rpc.system.types import HelloReply, HelloRequest
from oiafed_rpc.system.wire.tensor_pb2 import PyObject, Tensor
from oiafed_rpc.wire import Wire
from oiafed_rpc.wire.headers import request_headers
from oiafed_rpc.wire.status import encode_error

FILE = Path(__file__).parents[1] / "docs" / "wire-vectors.json"
METHODS: dict[str, Method[Any]] = {
    **{spec.path: spec for role in (LearnerHandler, NodeHandler) for spec in role.__methods__},
    **DYNAMIC,
}
"""The methods that the vectors call, by path."""

SERIALIZERS = Serializers("json", ["proto", "json"])
WIRE = Wire(SERIALIZERS)
WEIGHTS = {"layer.0": np.array([[1.0, -0.5, 0.25]], "<f4"), "bias": np.array([1, 2], "<i8")}

Vector = dict[str, Any]


class Stored:
    """A compressor for the vectors: a frame of zstd with one raw block, which is the same with every version of it."""

    name = "zstd"

    def compress(self, data: bytes) -> bytes:
        """Up to 255 bytes in a frame (RFC 8878)."""
        return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def plain(value: object) -> Any:
    """A value in the JSON that docs/serializers.md describes, arrays within."""
    return json.loads(JsonSerializer().serialize(value))


def _message(path: str, payload: Any, **changes: Any) -> Message:
    spec = METHODS[path]
    named = {"source": "trainer", "role": "trainer", "target": "learner_0", "call_id": "5f3a9c0d1e2b4a68-7", "name": ""}
    named |= changes
    message = Message(named["name"] or spec.title, named["source"], named["target"], payload, call_id=named["call_id"])
    message.role, message.spec = named["role"], spec
    for key in ("serializer", "compressor", "stream", "metadata", "schema"):
        if key in changes:
            setattr(message, key, changes[key])
    return message


async def _bodies(message: Message, items: Iterable[Any]) -> list[str]:
    async def given() -> AsyncIterator[Any]:
        for item in items:
            yield item

    message.items = given()
    return [body.data.hex() async for body in WIRE.request_bodies(message)]


def _reply(request: Message, result: Any) -> bytes:
    return asyncio.run(WIRE.encode_reply(request, result)).data


def _request(about: str, path: str, payload: Any, items: Iterable[Any] | None = None, **changes: Any) -> Vector:
    message = _message(path, payload, **changes)
    if items is None:
        bodies, means = [asyncio.run(WIRE.encode_request(message)).data.hex()], [plain(payload)]
    else:
        listed = list(items)
        bodies, means = asyncio.run(_bodies(message, listed)), [plain(payload), *map(plain, listed)]
    headers = [list(header) for header in request_headers(message, SERIALIZERS.names)]
    return {"about": about, "path": path, "headers": headers, "bodies": bodies, "means": means}


def requests() -> list[Vector]:
    """Calls as they leave a node."""
    learner, dynamic = "/federation.v1.Learner", "/oiafed.v1.Dynamic"
    fit = {"weights": WEIGHTS, "config": FitConfig(epochs=3, learning_rate=0.5, tags={"round": "1"})}
    small = {"every": 0.5}
    hello = HelloRequest(node_id="trainer", role="trainer", incarnation="5f3a9c0d1e2b4a68")
    return [
        _request("a typed call without parameters", f"{learner}/Describe", {}),
        _request("a typed call with arrays", f"{learner}/Fit", fit),
        _request("a typed call that is answered with a stream", f"{learner}/Watch", small),
        _request("a typed call whose body another serializer made", f"{learner}/Watch", small, serializer="json"),
        _request("a compressed body", f"{learner}/Watch", small, compressor=Stored()),
        _request("a call to a node that has told its methods", f"{learner}/Watch", small, schema=_hello().schema),
        _request("a call to a node that remembers it", f"{learner}/Describe", {}, ledger=_hello().ledger),
        _request("metadata of the caller's own", f"{learner}/Describe", {}, metadata={"auth_token": "s3cret"}),
        _request("a schema-less call", f"{dynamic}/Call", {"epochs": 3}, name="fit"),
        _request("the same in protobuf", f"{dynamic}/Call", {"epochs": 3}, name="fit", serializer="proto"),
        _request(
            "ids and names that are not ASCII, or have separators in them",
            f"{dynamic}/Call",
            {},
            name="prüfe=alles;50%",
            source="Köln, Labor 1",
            target="a/b",
        ),
        _request(
            "a schema-less call that gives a stream: its parameters, then the items",
            f"{dynamic}/CallWithStream",
            {"start": 10},
            [1, 2],
            name="total",
            stream="numbers",
        ),
        _request("an introduction", "/oiafed.v1.Node/Hello", hello),
    ]


def _hello() -> HelloReply:
    """The introduction of a node with a single method: protobuf leaves the order of several open."""
    offer = Offers("learner_0").tell([METHODS["/federation.v1.Learner/Fit"]])
    incarnation = "0b1c2d3e4f506172"
    return HelloReply(
        node_id="learner_0",
        role="learner",
        incarnation=incarnation,
        schema=offer.schema,
        methods=offer.methods,
        ledger=incarnation,
    )


def replies() -> list[Vector]:
    """What comes back of a call that succeeds, by its request's path."""
    learner = "/federation.v1.Learner"
    made = [
        ("of a typed call", f"{learner}/Describe", LearnerInfo(samples=100, classes={3: 100}), ""),
        ("with arrays", f"{learner}/Fit", FitResult(weights=WEIGHTS, samples=100, loss=0.5), ""),
        (
            "one item of a stream",
            f"{learner}/Watch",
            Progress(phase=Phase.TRAINING, epoch=1, epochs=3, loss=0.5),
            "",
        ),
        (
            "to a request that another serializer made",
            f"{learner}/Describe",
            LearnerInfo(samples=1, classes={}),
            "json",
        ),
        ("of a schema-less call", "/oiafed.v1.Dynamic/Call", {"loss": 0.5}, ""),
        (
            "to an introduction",
            "/oiafed.v1.Node/Hello",
            _hello(),
            "",
        ),
    ]
    return [
        {
            "about": about,
            "path": path,
            "serializer": serializer,
            "body": _reply(_message(path, None, serializer=serializer), result).hex(),
            "means": plain(result),
        }
        for about, path, result, serializer in made
    ]


def canonical(data: bytes) -> bytes:
    """A status whose maps are in the order of their keys, as protobuf itself leaves the order open."""
    status = Status.FromString(data)
    for detail in status.details:
        info = ErrorInfo()
        if detail.Unpack(info):
            detail.value = info.SerializeToString(deterministic=True)
    return bytes(status.SerializeToString(deterministic=True))


def _caused() -> RetriableError:
    error = RetriableError("the disk is full", retry_after=1.5)
    error.__cause__ = OSError("no space left")
    return error


def errors() -> list[Vector]:
    """What comes back of a call that fails."""
    describe = "federation.v1.Learner/Describe"
    made: list[tuple[str, RpcError]] = [
        ("an error that the schema declares", NotReady("no data yet", retry_after=2.5)),
        ("one that another attempt may mend, and its cause", _caused()),
        ("a call that was not begun", RetriableError("node 'learner_0' is stopping", ran=False)),
        ("an exception in a handler", as_rpc_error(ValueError("no such layer"), "learner_0", describe)),
        ("a missing token", AuthError("node 'learner_0' refused a call: it has no token")),
        ("details of one's own", RpcError(Code.NOT_FOUND, "no round 7", {"round": "7"})),
    ]
    return [
        {
            "about": about,
            "grpc-status": int(error.code),
            "grpc-message": error.message,
            "grpc-status-details-bin": canonical(encode_error(error, SERIALIZERS)).hex(),
            "means": {
                "class": type(error).__name__,
                "details": dict(error.details),
                "retry_after": getattr(error, "retry_after", None),
                "cause": str(error.__cause__) if error.__cause__ else None,
            },
        }
        for about, error in made
    ]


def arrays() -> Mapping[str, np.ndarray[Any, Any]]:
    """The arrays of the vectors, by what they show."""
    return {
        "float32": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "<f4"),
        "bfloat16": np.array([1.0, -2.5], ml_dtypes.bfloat16),
        "booleans": np.array([True, False]),
        "big-endian": np.array([1, -2], ">i2"),
        "text": np.array(["ab", "ü"], "<U2"),
        "moments": np.array(["2026-01-31T12:00:00"], "<M8[s]"),
        "complex": np.array([1 + 2j], "<c8"),
        "records": np.array([(1.5, 7)], [("x", "<f4"), ("n:o", "<i4")]),
        "a single number": np.array(0.5, "<f8"),
        "empty": np.empty((0, 3), "<f4"),
        "Fortran order": np.asfortranarray(np.array([[1, 2], [3, 4]], "|u1")),
    }


def tensors() -> list[Vector]:
    """Arrays as `oiafed.v1.Tensor`."""
    return [
        {"about": about, "body": tensor_body(array).hex(), "means": plain(array)} for about, array in arrays().items()
    ]


def tensor_body(array: np.ndarray[Any, Any]) -> bytes:
    """An array as `oiafed.v1.Tensor`."""
    message = Tensor()
    NATIVE["oiafed.v1.Tensor"].write(message, array, SERIALIZERS)
    return message.SerializeToString()


VALUES: dict[str, Any] = {
    "nothing": None,
    "booleans": [True, False],
    "integers": [0, -1, 2**63 - 1, 2**64, -(2**70)],
    "floats": [0.5, float("inf"), float("nan"), -0.0],
    "texts": ["", "ü", "\x00"],
    "bytes": b"\x00\xff",
    "a dict": {"a": 1, "b": [None]},
    "a dict of other keys": {1: "x", (2, 3): "y"},
    "a dict that looks like a form": {"$set": [1]},
    "a set": {7},
    "a record": FitConfig(epochs=3, learning_rate=0.25),
    "a member of an enumeration": Phase.TRAINING,
    "an array beside": {"weights": np.array([1.0, 2.0], "<f4")},
}
"""Values that the serializers carry, by what they show."""


def values() -> list[Vector]:
    """Values as `oiafed.v1.PyObject`, by each serializer that any language reads."""
    made: list[Vector] = []
    for about, value in VALUES.items():
        bodies = {each.name: packed_body(each.dump(value)).hex() for each in (JsonSerializer(), ProtoSerializer())}
        made.append({"about": about, "bodies": bodies, "means": plain(value)})
    return made


def packed_body(packed: Packed) -> bytes:
    """What a serializer made, as `oiafed.v1.PyObject`."""
    buffers = [bytes(buffer) for buffer in packed.buffers]
    return PyObject(serializer=packed.serializer, data=packed.data, buffers=buffers).SerializeToString()


TRANSFER = bytes(range(16))
"""The id of the transfers of the vectors."""


def _apart(message: ProtoMessage) -> list[bytes]:
    """The elements of tensors and the buffers of objects, taken out of a message. Nodes do so from 1 MiB on."""
    left: list[bytes] = []
    todo: list[Any] = [message]
    while todo:
        found = todo.pop(0)
        if isinstance(found, Tensor):
            left.append(found.data)
            found.ClearField("data")
            found.buffer = len(left) - 1
        elif isinstance(found, PyObject):
            for buffer in found.buffers:
                left.append(buffer)
                found.beside.append(len(left) - 1)
            found.ClearField("buffers")
        else:
            for field, value in found.ListFields():
                if field.message_type is not None:
                    todo.extend(value if field.is_repeated else [value])
    return left


def _left_out(
    about: str, path: str, payload: Any, *, whole: bool = False, fetched: bool = False, **changes: Any
) -> Vector:
    message = _message(path, payload, **changes)
    spec = METHODS[path]
    codec = spec.response_codec if fetched else spec.request_codec
    plain_body = _reply(message, payload) if fetched else asyncio.run(WIRE.encode_request(message)).data
    written = GetMessageClass(codec.descriptor).FromString(plain_body)
    buffers = _apart(written)
    data = written.SerializeToString()
    if whole:
        data, buffers = b"", [data, *buffers]
    sizes = tuple(map(len, buffers))
    return {
        "about": about,
        "path": path,
        "body": with_reference(data, TRANSFER, sizes if fetched else ()).hex(),
        "sizes": sizes if fetched else [],
        "buffers": [buffer.hex() for buffer in buffers],
        "means": plain(payload),
    }


def transfers() -> list[Vector]:
    """Bodies that have left their buffers to a transfer: shorter than those that nodes leave out."""
    learner = "/federation.v1.Learner"
    fit = {"weights": WEIGHTS, "config": FitConfig(epochs=3, learning_rate=0.5, tags={})}
    result = FitResult(weights=WEIGHTS, samples=100, loss=0.5)
    return [
        _left_out("of a request, which has arrived before it", f"{learner}/Fit", fit),
        _left_out("of a request whose message is the first of them", f"{learner}/Fit", fit, whole=True),
        _left_out("of a schema-less request", "/oiafed.v1.Dynamic/Call", {"weights": WEIGHTS["bias"]}, name="fit"),
        _left_out("of a reply, which is to be fetched", f"{learner}/Fit", result, fetched=True),
    ]


def _chunk(about: str, offset: int, raw: bytes, data: bytes, packing: int = 0, shuffle: int = 0) -> Vector:
    head = Head(offset, len(raw), checksum([memoryview(raw)], offset), len(data), packing, shuffle)
    return {
        "about": about,
        "head": head.to_bytes().hex(),
        "data": data.hex(),
        "message": CHUNKS.encode(Chunk(head, [memoryview(data)]), SERIALIZERS).hex(),
        "means": {"offset": offset, "raw": raw.hex()},
    }


def _runs(raw: bytes) -> bytes:
    """A frame of zstd (RFC 8878) for bytes of which each 256 are alike: it is the same with every version of it."""
    frame = bytearray(b"\x28\xb5\x2f\xfd\x60" + struct.pack("<H", len(raw) - 256))
    for start in range(0, len(raw), 256):
        frame += struct.pack("<I", 256 << 3 | 1 << 1 | (start + 256 == len(raw)))[:3] + raw[start : start + 1]
    return bytes(frame)


def chunks() -> list[Vector]:
    """Chunks as they travel, and what is in them."""
    ones = np.ones(256, "<f4").tobytes()
    sorted_ones = shuffled(np.frombuffer(ones, np.uint8), 4).tobytes()
    return [
        _chunk("as it is", CHUNK, b"weights", b"weights"),
        _chunk("the bytes of its numbers sorted, then packed", 0, ones, _runs(sorted_ones), ZSTD, 4),
    ]


def document() -> str:
    """The text of the file."""
    groups = {
        "requests": requests(),
        "replies": replies(),
        "errors": errors(),
        "tensors": tensors(),
        "values": values(),
        "transfers": transfers(),
        "chunks": chunks(),
    }
    return json.dumps(groups, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")

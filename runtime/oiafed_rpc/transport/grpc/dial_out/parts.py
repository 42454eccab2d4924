"""The parts of calls and replies as they travel, see `oiafed/v1/dial_out.proto`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from google.protobuf.message import DecodeError

from oiafed_rpc.bulk.reference import read_varint, varint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.system.wire import dial_out_pb2

_BODY = 0x7A  # the tag of field 15, of bytes
_BODY_TAG = bytes([_BODY])
_LARGE = 1 << 14  # bytes of a part from which protobuf's own copies cost more than reading it by hand

ALIVE = b""
"""A part without any field."""

Part = TypeVar("Part", dial_out_pb2.CallPart, dial_out_pb2.ReplyPart)
Pairs = Iterable[tuple[str, str | bytes]]


def with_body(part: bytes, body: bytes) -> bytes:
    """A part that has a body as well: the one copy that is made of it."""
    return b"".join((part, _BODY_TAG, varint(len(body)), body))


def read_part(kind: type[Part], data: bytes) -> tuple[Part, bytes | None]:
    """A part that has come, and its body if it has one.

    Raises:
        RpcError: INVALID_ARGUMENT where it is none.
    """
    try:
        if len(data) >= _LARGE:
            at, start = _body_in(data)
            if start:
                return kind.FromString(data[:at]), data[start:]
        part = kind.FromString(data)
    except (DecodeError, IndexError) as error:
        told = f"these {len(data):,} bytes are no {kind.__name__} of oiafed.v1.DialOut: {error}"
        raise RpcError(Code.INVALID_ARGUMENT, told) from None
    return part, part.body if part.HasField("body") else None


def _body_in(data: bytes) -> tuple[int, int]:
    """Where the last field begins and where its bytes do, if it is the body; (0, 0) where it is not."""
    at = 0
    while at < len(data):
        tag, kind = data[at], data[at] & 7
        value, after = read_varint(data, at + 1)
        if tag == _BODY:
            return (at, after) if after + value == len(data) else (0, 0)
        if tag > 127 or kind not in (0, 2):
            return 0, 0
        at = after + value if kind else after
    return 0, 0


def headers_of(pairs: Pairs) -> list[dial_out_pb2.Header]:
    """Headers as they travel."""
    return [
        dial_out_pb2.Header(key=key, value=value.encode() if isinstance(value, str) else value) for key, value in pairs
    ]


def pairs_of(headers: Iterable[dial_out_pb2.Header]) -> tuple[tuple[str, str | bytes], ...]:
    """Headers as gRPC gives them: text, but for keys that end in `-bin`."""
    return tuple(
        (each.key, each.value if each.key.endswith("-bin") else each.value.decode(errors="replace")) for each in headers
    )

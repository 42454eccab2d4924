"""The messages in which chunks travel through gRPC, written and read without a copy of the chunk beyond gRPC's own."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError

from oiafed_rpc.bulk.chunk import Chunk, Head
from oiafed_rpc.bulk.reference import read_varint, varint
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.system.types import Transfer
from oiafed_rpc.system.wire import bulk_pb2

_HEAD = b"\x12" + varint(Head.SIZE)  # field 2
_DATA = b"\x1a"  # field 3
_DATA_AT = len(_HEAD) + Head.SIZE


class Arrived(NamedTuple):
    """A chunk as it has come.

    Attributes:
        head: What it is.
        data: Its bytes, as the head says.
    """

    head: Head
    data: memoryview


class ChunkCodec:
    """The message `oiafed.v1.Chunk`: of a `Transfer`, which comes first, or of one of its chunks."""

    descriptor = cast("Descriptor", bulk_pb2.Chunk.DESCRIPTOR)

    def check(self, value: Any) -> None:
        """See whether a value is one of the two."""
        if not isinstance(value, Transfer | Chunk):
            raise FieldError("", mismatch("a chunk", value, TypeError()))

    def encode(self, value: Transfer | Chunk, serializers: Serializers) -> bytes:
        """The bytes of a value."""
        if isinstance(value, Transfer):
            return bulk_pb2.Chunk(transfer=bulk_pb2.Transfer(id=value.id, sizes=value.sizes)).SerializeToString()
        head = value.head
        return b"".join((_HEAD, head.to_bytes(), _DATA, varint(head.packed), *value.views))

    def decode(self, data: bytes, serializers: Serializers) -> Transfer | Arrived:
        """The value of bytes from a peer.

        Raises:
            FieldError: where they are no such message.
        """
        try:
            return _in_order(data) or _in_any_order(data)
        except (DecodeError, ValueError, IndexError) as error:
            raise FieldError("", f"these {len(data)} bytes are no chunk: {error}") from None

    def adopt(self, value: Any) -> Any:
        """The value itself."""
        self.check(value)
        return value


def _in_order(data: bytes) -> Arrived | None:
    """A chunk as `encode` writes it."""
    if not data.startswith(_HEAD) or data[_DATA_AT : _DATA_AT + 1] != _DATA:
        return None
    size, start = read_varint(data, _DATA_AT + 1)
    if start + size != len(data):
        return None
    return Arrived(Head.from_bytes(data[len(_HEAD) : _DATA_AT]), memoryview(data)[start:])


def _in_any_order(data: bytes) -> Transfer | Arrived:
    message = bulk_pb2.Chunk.FromString(data)
    if message.HasField("transfer"):
        return Transfer(id=message.transfer.id, sizes=list(message.transfer.sizes))
    return Arrived(Head.from_bytes(message.head), memoryview(message.data))


CHUNKS = ChunkCodec()
"""The one that there is: it has no state."""

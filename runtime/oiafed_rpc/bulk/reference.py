"""How a body tells of the transfer that has its buffers: it begins with it, as a field that no other message has.

To whoever does not know the field, protobuf passes it over.
"""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.message import DecodeError

from oiafed_rpc.bulk.chunk import ID_SIZE
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.system.wire import bulk_pb2

_TAG = b"\xfa\xff\xff\xff\x0f"  # field 536870911, the last that protobuf has, of bytes


class Reference(NamedTuple):
    """The transfer that has the buffers of a body.

    Attributes:
        id: Its sixteen bytes.
        sizes: The size of each buffer, in bytes; none where it has arrived already.
    """

    id: bytes
    sizes: tuple[int, ...] = ()


def with_reference(data: bytes, transfer_id: bytes, sizes: tuple[int, ...] = ()) -> bytes:
    """A body that begins with a transfer."""
    transfer = bulk_pb2.Transfer(id=transfer_id, sizes=sizes).SerializeToString()
    return b"".join((_TAG, varint(len(transfer)), transfer, data))


def has_reference(data: bytes) -> bool:
    """Whether a body begins with a transfer."""
    return data.startswith(_TAG)


def split(data: bytes) -> tuple[Reference, bytes]:
    """The transfer that a body begins with, and the rest of the body.

    Raises:
        RpcError: INVALID_ARGUMENT where it is none.
    """
    try:
        size, start = read_varint(data, len(_TAG))
        transfer = bulk_pb2.Transfer.FromString(data[start : start + size])
    except (DecodeError, IndexError):
        transfer, size, start = bulk_pb2.Transfer(), 0, 0
    if len(transfer.id) != ID_SIZE or start + size > len(data):
        raise RpcError(Code.INVALID_ARGUMENT, "the body begins with a transfer that is not valid")
    return Reference(transfer.id, tuple(transfer.sizes)), data[start + size :]


def varint(value: int) -> bytes:
    """A number as protobuf writes lengths."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)


def read_varint(data: bytes, start: int) -> tuple[int, int]:
    """A number that `varint` has written, and where it ends; raises IndexError where it does not."""
    value = shift = 0
    while True:
        byte = data[start]
        start += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, start
        shift += 7
        if shift > 63:
            raise IndexError

"""Any Python object to bytes and back, for schema-less calls and the `any` type."""

from oiafed_rpc.serializer.base import Packed, Serializer, SerializerError
from oiafed_rpc.serializer.json import JsonSerializer
from oiafed_rpc.serializer.pickling import PickleSerializer
from oiafed_rpc.serializer.proto import ProtoSerializer
from oiafed_rpc.serializer.registry import Serializers

__all__ = [
    "JsonSerializer",
    "Packed",
    "PickleSerializer",
    "ProtoSerializer",
    "Serializer",
    "SerializerError",
    "Serializers",
]

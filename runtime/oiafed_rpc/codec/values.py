"""What Python has for a message that no generated class stands for: a value of its own, or the message itself."""

from __future__ import annotations

from typing import Any, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.native import OWN, Native
from oiafed_rpc.codec.well_known import WELL_KNOWN
from oiafed_rpc.serializer import SerializerError, Serializers
from oiafed_rpc.serializer.messages import parse_json

NATIVE: dict[str, Native] = {**OWN, **WELL_KNOWN}
"""The messages that Python has values of its own for, by full name."""

_PROTOBUFS_OWN = "google.protobuf"


def value_of(message: Descriptor) -> Native:
    """How the value of a message is written and read that no generated class stands for."""
    return NATIVE.get(message.full_name) or _itself(message)


def payload_of(wire: type[ProtoMessage]) -> Native | None:
    """How a whole payload is written and read, where the message is its value; None where its only field has that."""
    message = cast("Descriptor", wire.DESCRIPTOR)
    if message.full_name in NATIVE or (message.file.package == _PROTOBUFS_OWN and message.fields):
        return value_of(message)
    return None


def _itself(message: Descriptor) -> Native:
    wire = GetMessageClass(message)

    def write(to: ProtoMessage, value: ProtoMessage, _: Serializers) -> None:
        to.CopyFrom(value)

    def read(message: ProtoMessage, _: Serializers) -> ProtoMessage:
        made = wire()
        made.CopyFrom(message)
        return made

    def from_plain(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            return parse_json(wire, cast("dict[str, Any]", value))
        except SerializerError as error:
            raise FieldError("", str(error)) from None

    return Native(message.full_name, (wire,), write, read, from_plain)

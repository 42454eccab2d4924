"""Protobuf messages as they are: found by their full names among those that this process has imported."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from oiafed_rpc.codec.shadowed import merge, serialized
from oiafed_rpc.on_demand import import_expected
from oiafed_rpc.serializer.base import SerializerError, kind_of

_LONGEST = 200
_UNFIT = (json_format.Error, TypeError, ValueError, AttributeError, KeyError)  # the latter of what is not even JSON


def message_parts(message: ProtoMessage) -> tuple[str, bytes]:
    """The full name of a message and its bytes.

    Raises:
        SerializerError: where a receiver could not find it by that name.
    """
    name = type(message).DESCRIPTOR.full_name
    if _class_named(name) is not type(message):
        raise SerializerError(f"the message {name} can't be sent: protobuf's default pool has another of that name")
    return name, serialized(message)


def message_json(message: ProtoMessage) -> dict[str, Any] | None:
    """A message in protobuf's own JSON form; None where that is no object, or would not tell all that is in it."""
    try:
        text = json_format.MessageToJson(message, preserving_proto_field_name=True, indent=None)
        again = json_format.Parse(text, type(message)())
        same = again.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)
    except (*_UNFIT, RecursionError):  # such as an Any of a type that is not known here, or fields named like methods
        return None
    values: Any = json.loads(text)  # not MessageToDict, which has ordered dicts in it
    return values if same and kind_of(values) is dict else None


def message_of(name: str, data: bytes) -> ProtoMessage:
    """The message of a name and bytes from a peer.

    Raises:
        SerializerError: where this process has imported none of that name, or they are not valid.
    """
    message = _class_named(name)()
    try:
        merge(message, data)
    except DecodeError:
        raise SerializerError(f"these {len(data)} bytes are not a {name}") from None
    return message


def message_of_json(name: str, values: dict[Any, Any]) -> ProtoMessage:
    """The message of a name and an object in protobuf's own JSON form.

    Raises:
        SerializerError: as `message_of` does.
    """
    return parse_json(_class_named(name), values)


def parse_json(cls: type[ProtoMessage], values: dict[Any, Any]) -> ProtoMessage:
    """The message of an object in protobuf's own JSON form; raises SerializerError where it does not fit."""
    try:
        return json_format.ParseDict(values, cls())
    except _UNFIT as error:
        why = " ".join(str(error).split())
        raise SerializerError(f"not a {cls.DESCRIPTOR.full_name}: {why[:300]}") from None


def _class_named(name: str) -> type[ProtoMessage]:
    pool = descriptor_pool.Default()
    try:
        with suppress(KeyError):
            return GetMessageClass(pool.FindMessageTypeByName(name))
        import_expected()
        return GetMessageClass(pool.FindMessageTypeByName(name))
    except KeyError:
        raise SerializerError(
            f"the message {name[:_LONGEST]!r} is not known here: import the module that has it"
        ) from None

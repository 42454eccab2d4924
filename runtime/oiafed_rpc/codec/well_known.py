"""Protobuf's well-known messages that Python has values of its own for.

A wrapper alone in a field may be absent, which is None. The others have zero values: a Struct `{}`, a Value None.
A Value that is `optional` or a member of a oneof is absent where it is None: Python can't tell that from a null. A
NullValue there is its number, 0, or None where it is absent; anywhere else it is None.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from google.protobuf import wrappers_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp

from oiafed_rpc.codec import json_values
from oiafed_rpc.codec.native import Native
from oiafed_rpc.codec.scalars import SCALARS
from oiafed_rpc.serializer import Serializers

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


def _write_timestamp(message: Timestamp, value: datetime.datetime, _: Serializers) -> None:
    if value.tzinfo is None:
        raise ValueError("a datetime needs a time zone: datetime.now(UTC), or value.replace(tzinfo=UTC)")
    message.seconds, micros = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
    message.nanos = micros * 1000


def _read_timestamp(message: Timestamp, _: Serializers) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)


def _write_duration(message: Duration, value: datetime.timedelta, _: Serializers) -> None:
    message.FromTimedelta(value)


def _read_duration(message: Duration, _: Serializers) -> datetime.timedelta:
    return datetime.timedelta(seconds=message.seconds, microseconds=int(message.nanos / 1000))


def _write_mask(message: FieldMask, value: list[str] | tuple[str, ...], _: Serializers) -> None:
    if isinstance(value, str):
        raise TypeError("not a list")
    message.paths.extend(value)


def _read_mask(message: FieldMask, _: Serializers) -> list[str]:
    return list(message.paths)


def _write_wrapper(message: Any, value: object, _: Serializers) -> None:
    message.value = value


def _read_wrapper(message: Any, _: Serializers) -> Any:
    return message.value


def _wrapper(message: type[ProtoMessage]) -> Native:
    scalar = SCALARS[message.DESCRIPTOR.fields_by_name["value"].type]
    return Native(scalar.expected, scalar.types, _write_wrapper, _read_wrapper)


WRAPPERS: dict[str, Native] = {
    message.DESCRIPTOR.full_name: _wrapper(message)
    for message in (
        *(wrappers_pb2.BoolValue, wrappers_pb2.StringValue, wrappers_pb2.BytesValue),
        *(wrappers_pb2.DoubleValue, wrappers_pb2.FloatValue),
        *(wrappers_pb2.Int32Value, wrappers_pb2.Int64Value, wrappers_pb2.UInt32Value, wrappers_pb2.UInt64Value),
    )
}
"""The messages that exist to tell a scalar from its absence."""

WELL_KNOWN: dict[str, Native] = {
    **WRAPPERS,
    "google.protobuf.Timestamp": Native("a datetime", (datetime.datetime,), _write_timestamp, _read_timestamp),
    "google.protobuf.Duration": Native("a timedelta", (datetime.timedelta,), _write_duration, _read_duration),
    "google.protobuf.FieldMask": Native("a list of str", (list, tuple), _write_mask, _read_mask),
    "google.protobuf.Value": Native(json_values.EXPECTED, (object,), json_values.write_value, json_values.read_value),
    "google.protobuf.Struct": Native(
        "a dict of JSON values", (dict, Mapping), json_values.write_struct, json_values.read_struct
    ),
    "google.protobuf.ListValue": Native(
        "a list of JSON values", (list, tuple), json_values.write_list, json_values.read_list
    ),
}
"""All of them, by full name."""

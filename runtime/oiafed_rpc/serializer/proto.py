"""Values as messages of oiafed/v1/value.proto."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from oiafed_rpc.arrays import plain_array, raw_bytes
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import Tensor
from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError, kind_of, unfit
from oiafed_rpc.serializer.forms import MEMBER, RECORD, Reading, form_of, made
from oiafed_rpc.serializer.generated import class_named, name_of
from oiafed_rpc.serializer.pickling.atoms import MAX_INTEGER
from oiafed_rpc.serializer.pickling.factories import make_array
from oiafed_rpc.serializer.pickling.nesting import check_nesting
from oiafed_rpc.system.wire import value_pb2

_MAX_NESTING = 48  # protobuf reads a hundred messages in one another, and a list takes two
_TOO_DEEP = f"proto carries values nested at most {_MAX_NESTING} levels deep; pickle and json carry 200"
_SMALLEST, _LARGEST = -(1 << 63), (1 << 63) - 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_LONGEST = datetime.timedelta(seconds=315_576_000_000)  # of protobuf's Duration


class ProtoSerializer(Serializer):
    """Protobuf messages `oiafed.v1.Value` that any language reads, also without a schema.

    Every plain value and array comes back as it was sent, and generated types as typed calls carry them. They are found
    by the names that the schema gives them, and only among those that this process has imported. Reading runs no code,
    and what it takes is bounded by what was received.
    """

    name = "proto"

    def serialize(self, obj: Any) -> bytes:
        """One message, arrays included."""
        return _dump(obj, None)

    def deserialize(self, data: bytes) -> Any:
        """Undo `serialize`; raises SerializerError saying what is wrong."""
        return self.load(data, ())

    def dump(self, obj: Any) -> Packed:
        """A message, and beside it the memory of the arrays."""
        memory: list[Buffer | Tensor] = []
        return Packed(self.name, _dump(obj, memory), memory)

    def load(self, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Undo `dump`; arrays are made over `buffers` without a copy.

        Raises:
            SerializerError: for what is not valid, or names a type that this process has not imported.
        """
        try:
            message = value_pb2.Value.FromString(data)
            reading = Reading(len(data), buffers)
            value = _Reader(reading).value(message)
        except SerializerError:
            raise
        except RecursionError:
            raise SerializerError(_TOO_DEEP) from None
        except DecodeError as error:
            raise SerializerError(f"not a valid oiafed.v1.Value: {_why(error)}") from None
        except Exception as error:
            raise SerializerError(f"not a valid oiafed.v1.Value: {str(error)[:300]}") from error
        check_nesting(value)
        reading.budget.deviations.check(value)
        return value


class _Within:
    """What the `any` fields of a record are written and read with: the same, its buffers in the record's message."""

    def dump(self, obj: Any) -> Packed:
        """As the serializer itself does."""
        return ProtoSerializer().dump(obj)

    def load(self, name: str, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """As the serializer itself does; raises SerializerError for what another one made."""
        if name != ProtoSerializer.name:
            raise SerializerError(f"a value that {name[:40]!r} made within one that proto made: refused")
        return ProtoSerializer().load(data, buffers)


_WITHIN = _Within()


def _why(error: DecodeError) -> str:
    return _TOO_DEEP if "MaxDepth" in str(error) else "the bytes are no such message"


def _dump(obj: Any, beside: list[Buffer | Tensor] | None) -> bytes:
    message = value_pb2.Value()
    try:
        _Writer(beside).write(message, obj, 0)
    except RecursionError:
        raise SerializerError(_TOO_DEEP) from None
    except SerializerError:
        raise
    except (TypeError, ValueError) as error:
        raise unfit(ProtoSerializer.name, obj, error) from error
    return message.SerializeToString()


class _Writer:
    """Fills messages from values.

    Args:
        beside: Takes the memory of arrays; None to have it in the messages.
    """

    def __init__(self, beside: list[Buffer | Tensor] | None) -> None:
        self._beside = beside

    def write(self, message: value_pb2.Value, value: Any, depth: int) -> None:
        kind = kind_of(value)
        leaf = _LEAVES.get(kind)
        if leaf is not None and leaf(message, value):
            return
        if depth >= _MAX_NESTING:
            raise SerializerError(_TOO_DEEP)
        if kind is list:
            message.list.SetInParent()
            self._add(message.list.items, value, depth)
        elif kind is dict:
            message.map.SetInParent()
            self._add(message.map.keys, value, depth)
            self._add(message.map.values, value.values(), depth)
        elif issubclass(kind, np.ndarray):
            self._tensor(message.tensor, value)
        else:
            self._form(message, value, depth)

    def _add(self, messages: Any, values: Any, depth: int) -> None:
        for value in values:
            self.write(messages.add(), value, depth + 1)

    def _form(self, message: value_pb2.Value, value: Any, depth: int) -> None:
        kind = kind_of(value)
        form = form_of(value, "proto")
        if form is RECORD:
            message.record.type = name_of(kind)
            message.record.message = kind.__wire__.encode(value, _WITHIN)
        elif form is MEMBER:
            message.member.type = name_of(kind)
            message.member.number = value.value
        else:
            message.form.name = form.name
            self._add(message.form.parts, form.parts(value), depth)

    def _tensor(self, message: value_pb2.ValueTensor, value: object) -> None:
        array = plain_array(value)
        message.tensor.dtype = dtype_name(array.dtype)
        message.tensor.shape.extend(array.shape)
        if self._beside is None:
            message.tensor.data = bytes(raw_bytes(array))
        else:
            message.buffer = len(self._beside)
            self._beside.append(array)


# Each leaf fills a message and tells whether it could: a value that is out of range takes another form.


def _null(message: value_pb2.Value, _: None) -> bool:
    message.null = True
    return True


def _boolean(message: value_pb2.Value, value: bool) -> bool:
    message.boolean = value
    return True


def _integer(message: value_pb2.Value, value: int) -> bool:
    if _SMALLEST <= value <= _LARGEST:
        message.integer = value
        return True
    size = value.bit_length() // 8 + 1
    if size > MAX_INTEGER:
        raise SerializerError(f"an integer of more than {MAX_INTEGER} bytes can't be sent")
    message.big_integer = value.to_bytes(size, "little", signed=True)
    return True


def _number(message: value_pb2.Value, value: float) -> bool:
    message.number = value
    return True


def _text(message: value_pb2.Value, value: str) -> bool:
    try:
        message.text = value
    except UnicodeEncodeError:
        return False
    return True


def _raw(message: value_pb2.Value, value: bytes) -> bool:
    message.raw = value
    return True


def _timestamp(message: value_pb2.Value, value: datetime.datetime) -> bool:
    if value.tzinfo is not datetime.UTC or value.fold:
        return False
    message.timestamp.seconds, micros = divmod((value - _EPOCH) // _MICROSECOND, 1_000_000)
    message.timestamp.nanos = micros * 1000
    return True


def _duration(message: value_pb2.Value, value: datetime.timedelta) -> bool:
    if abs(value) > _LONGEST:
        return False
    message.duration.FromTimedelta(value)
    return True


_LEAVES: dict[type[Any], Callable[[value_pb2.Value, Any], bool]] = {
    type(None): _null,
    bool: _boolean,
    int: _integer,
    float: _number,
    str: _text,
    bytes: _raw,
    datetime.datetime: _timestamp,
    datetime.timedelta: _duration,
}


class _Reader:
    """Turns the messages of a peer to values."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def value(self, message: value_pb2.Value) -> Any:
        found = message.ListFields()
        if len(found) != 1:
            raise SerializerError("it holds a value of a kind that is not known here, or of several kinds at once")
        ((field, content),) = found
        read = _READERS.get(field.name)
        return content if read is None else read(self, content)

    def read_null(self, _: bool) -> None:
        self._reading.budget.small(8)

    def read_big_integer(self, raw: bytes) -> int:
        if len(raw) > MAX_INTEGER:
            raise SerializerError(f"an integer of more than {MAX_INTEGER} bytes from a peer: refused")
        return int.from_bytes(raw, "little", signed=True)

    def read_list(self, content: value_pb2.ValueList) -> Any:
        self._reading.budget.small(64)
        return [self.value(item) for item in content.items]

    def read_map(self, content: value_pb2.ValueMap) -> dict[Any, Any]:
        if len(content.keys) != len(content.values):
            raise SerializerError("it holds a map with another number of keys than of values")
        keys, values = map(self.value, content.keys), map(self.value, content.values)
        return self._reading.mapping(zip(keys, values, strict=True), {})

    def read_tensor(self, content: value_pb2.ValueTensor) -> Any:
        tensor = content.tensor
        beside = content.HasField("buffer")
        raw = self._reading.buffer(content.buffer) if beside else tensor.data
        return make_array(self._reading.budget, raw, tensor.dtype, tuple(tensor.shape))

    def read_timestamp(self, content: Any) -> datetime.datetime:
        self._reading.budget.small(64)
        return _EPOCH + datetime.timedelta(seconds=content.seconds, microseconds=content.nanos // 1000)

    def read_duration(self, content: Any) -> datetime.timedelta:
        self._reading.budget.small(64)
        return datetime.timedelta(seconds=content.seconds, microseconds=int(content.nanos / 1000))

    def read_record(self, content: value_pb2.ValueRecord) -> Any:
        self._reading.budget.small(256)
        return class_named(content.type, RECORD.kind).__wire__.decode(content.message, _WITHIN)

    def read_member(self, content: value_pb2.ValueMember) -> Any:
        return MEMBER.make(self._reading, content.type, content.number)

    def read_form(self, content: value_pb2.ValueForm) -> Any:
        return made(self._reading, content.name, [self.value(part) for part in content.parts])


_READERS: dict[str, Callable[[_Reader, Any], Any]] = {
    "null": _Reader.read_null,
    "big_integer": _Reader.read_big_integer,
    "list": _Reader.read_list,
    "map": _Reader.read_map,
    "tensor": _Reader.read_tensor,
    "timestamp": _Reader.read_timestamp,
    "duration": _Reader.read_duration,
    "record": _Reader.read_record,
    "member": _Reader.read_member,
    "form": _Reader.read_form,
}
"""How the fields are read that are no Python value already."""

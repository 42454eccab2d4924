"""One field of a message: how its Python value is written and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, NamedTuple, Protocol

import numpy as np
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.codec.native import NATIVE
from oiafed_rpc.codec.shadowed import has_field, set_in_parent
from oiafed_rpc.serializer import Serializers

REQUIRED = object()
"""The default of a field that has none."""

_INTEGER = (int, np.integer)
_REAL = (float, int, np.floating, np.integer)


class Accepts(NamedTuple):
    """What a field takes.

    Attributes:
        expected: In the schema's words.
        types: What a value must be an instance of, at first sight.
    """

    expected: str
    types: tuple[type[Any], ...]


_SCALARS = {
    FieldDescriptor.TYPE_INT32: Accepts("int32", _INTEGER),
    FieldDescriptor.TYPE_SINT32: Accepts("sint32", _INTEGER),
    FieldDescriptor.TYPE_SFIXED32: Accepts("sfixed32", _INTEGER),
    FieldDescriptor.TYPE_UINT32: Accepts("uint32", _INTEGER),
    FieldDescriptor.TYPE_FIXED32: Accepts("fixed32", _INTEGER),
    FieldDescriptor.TYPE_INT64: Accepts("int64", _INTEGER),
    FieldDescriptor.TYPE_SINT64: Accepts("sint64", _INTEGER),
    FieldDescriptor.TYPE_SFIXED64: Accepts("sfixed64", _INTEGER),
    FieldDescriptor.TYPE_UINT64: Accepts("uint64", _INTEGER),
    FieldDescriptor.TYPE_FIXED64: Accepts("fixed64", _INTEGER),
    FieldDescriptor.TYPE_DOUBLE: Accepts("double", _REAL),
    FieldDescriptor.TYPE_FLOAT: Accepts("float", _REAL),
    FieldDescriptor.TYPE_BOOL: Accepts("bool", (bool, np.bool_)),
    FieldDescriptor.TYPE_STRING: Accepts("string", (str,)),
    FieldDescriptor.TYPE_BYTES: Accepts("bytes", (bytes,)),
    FieldDescriptor.TYPE_ENUM: Accepts("enum", (int,)),
}


class FieldCodec(Protocol):
    """Writes a Python value into one field of a message, and reads it back."""

    def write(self, message: Any, value: Any, serializers: Serializers, /) -> None:
        """Raises TypeError, ValueError or FieldError where the value does not fit."""
        ...

    def read(self, message: Any, serializers: Serializers, /) -> Any:
        """The value; of an absent field its zero value."""
        ...


class _Scalar:
    """A number, boolean, string, bytes or enumeration."""

    def __init__(self, name: str, convert: Callable[[Any], Any] | None) -> None:
        self._name = name
        self._convert = convert

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        setattr(message, self._name, value)

    def read(self, message: Any, serializers: Serializers) -> Any:
        value = getattr(message, self._name)
        return value if self._convert is None else self._convert(value)


class _Message:
    """A message, written and read by a codec of its own."""

    def __init__(self, name: str, codec: SubMessage) -> None:
        self._name = name
        self._codec = codec

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        below = getattr(message, self._name)
        set_in_parent(below)
        self._codec.write(below, value, serializers)

    def read(self, message: Any, serializers: Serializers) -> Any:
        return self._codec.read(getattr(message, self._name), serializers)


class _Optional:
    """A field that may be absent, which stands for its default: None, or what the schema says."""

    def __init__(self, name: str, inner: FieldCodec, default: object) -> None:
        self._name = name
        self._inner = inner
        self._default = default

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        if value is not None or self._default is not None:
            self._inner.write(message, value, serializers)

    def read(self, message: Any, serializers: Serializers) -> Any:
        return self._inner.read(message, serializers) if has_field(message, self._name) else self._default


class _List:
    def __init__(self, name: str, codec: SubMessage | None, convert: Callable[[Any], Any] | None) -> None:
        self._name = name
        self._codec = codec
        self._convert = convert

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        if isinstance(value, str | bytes):
            raise TypeError("not a list")
        items = getattr(message, self._name)
        if self._codec is None:
            items.extend(value)
            return
        for index, item in enumerate(value):
            _write_item(self._codec, items.add(), item, serializers, f"[{index}]")

    def read(self, message: Any, serializers: Serializers) -> Any:
        items = getattr(message, self._name)
        if self._codec is not None:
            return [self._codec.read(item, serializers) for item in items]
        return list(items) if self._convert is None else [self._convert(item) for item in items]


class _Map:
    def __init__(self, name: str, codec: SubMessage | None, convert: Callable[[Any], Any] | None) -> None:
        self._name = name
        self._codec = codec
        self._convert = convert

    def write(self, message: Any, value: Mapping[Any, Any], serializers: Serializers) -> None:
        entries = getattr(message, self._name)
        if self._codec is None:
            entries.update(value)
            return
        for key, item in value.items():
            _write_item(self._codec, entries[key], item, serializers, f"[{key!r}]")

    def read(self, message: Any, serializers: Serializers) -> Any:
        entries = getattr(message, self._name)
        if self._codec is not None:
            return {key: self._codec.read(entries[key], serializers) for key in entries}
        convert = self._convert
        return dict(entries) if convert is None else {key: convert(item) for key, item in entries.items()}


class SubMessage(Protocol):
    """Writes a Python value into a whole message, and reads it back."""

    @property
    def expected(self) -> str:
        """What to call the Python type in an error."""
        ...

    @property
    def types(self) -> tuple[type[Any], ...]:
        """What a value must be an instance of, at first sight."""
        ...

    def write(self, message: Any, value: Any, serializers: Serializers, /) -> None:
        """Raises TypeError, ValueError or FieldError where the value does not fit."""
        ...

    def read(self, message: Any, serializers: Serializers, /) -> Any:
        """The value; of an empty message its zero value."""
        ...


def _write_item(codec: SubMessage, message: Any, item: Any, serializers: Serializers, place: str) -> None:
    try:
        codec.write(message, item, serializers)
    except FieldError as error:
        raise error.below(place) from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FieldError(place, mismatch(codec.expected, item, error)) from error


def field_codec(field: FieldDescriptor, python: type[Any] | None, default: object) -> tuple[FieldCodec, Accepts]:
    """The codec of a field, and what it takes.

    Args:
        field: Its descriptor.
        python: The record or enumeration of its type, or of its items; None for others.
        default: What its absence stands for, where it may be absent; else `REQUIRED`.
    """
    entry = map_entry(field)
    value = entry.fields_by_name["value"] if entry else field
    below = _sub_message(value, python)
    convert = python if value.enum_type is not None else None
    one = Accepts(below.expected, below.types) if below else _SCALARS[value.type]
    expected = convert.__name__ if convert else one.expected
    if entry:
        return _Map(field.name, below, convert), Accepts(f"a map to {expected}", (dict, Mapping))
    if field.is_repeated:
        return _List(field.name, below, convert), Accepts(f"a list of {expected}", (list, tuple))
    inner = _Message(field.name, below) if below else _Scalar(field.name, convert)
    optional = field.has_presence and (below is None or field.containing_oneof is not None or default is None)
    types = (*one.types, NoneType) if optional and default is None else one.types
    return (_Optional(field.name, inner, default) if optional else inner), Accepts(expected, types)


def map_entry(field: FieldDescriptor) -> Descriptor | None:
    """The message of a map's entries; None where the field is no map."""
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def _sub_message(field: FieldDescriptor, python: type[Any] | None) -> SubMessage | None:
    if field.message_type is None:
        return None
    if python is not None:
        record: SubMessage = python.__wire__
        return record
    return NATIVE[field.message_type.full_name]

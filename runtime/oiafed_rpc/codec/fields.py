"""One field of a message: how its Python value is written and read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, NamedTuple, Protocol

from google.protobuf.descriptor import FieldDescriptor

from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.codec.scalars import SCALARS, Accepts
from oiafed_rpc.codec.shadowed import has_field, set_in_parent
from oiafed_rpc.codec.values import value_of
from oiafed_rpc.descriptors import map_entry
from oiafed_rpc.records import Empty
from oiafed_rpc.serializer import Serializers

REQUIRED = object()
"""The default of a field that has none."""

NULL = "google.protobuf.NullValue"
"""The enumeration whose only value is None in Python."""

_RECORDS: dict[str, type[Any]] = {"google.protobuf.Empty": Empty}


class _Conversion(NamedTuple):
    """How a scalar in Python differs from that in its message.

    Attributes:
        store: What the message has for a Python value; None where it is the same.
        load: The Python value of what the message has; None where it is the same.
    """

    store: Callable[[Any], Any] | None = None
    load: Callable[[Any], Any] | None = None


def _store_null(value: object) -> int:
    if value is not None:
        raise TypeError("not None")
    return 0


def _load_null(_: object) -> None:
    return None


_AS_IT_IS = _Conversion()


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

    def __init__(self, name: str, conversion: _Conversion) -> None:
        self._name = name
        self._store, self._load = conversion

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        setattr(message, self._name, value if self._store is None else self._store(value))

    def read(self, message: Any, serializers: Serializers) -> Any:
        value = getattr(message, self._name)
        return value if self._load is None else self._load(value)


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
    def __init__(self, name: str, codec: SubMessage | None, conversion: _Conversion) -> None:
        self._name = name
        self._codec = codec
        self._store, self._load = conversion

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        if isinstance(value, str | bytes):
            raise TypeError("not a list")
        items = getattr(message, self._name)
        if self._codec is None:
            items.extend(value if self._store is None else map(self._store, value))
            return
        for index, item in enumerate(value):
            _write_item(self._codec, items.add(), item, serializers, f"[{index}]")

    def read(self, message: Any, serializers: Serializers) -> Any:
        items = getattr(message, self._name)
        if self._codec is not None:
            return [self._codec.read(item, serializers) for item in items]
        return list(items) if self._load is None else [self._load(item) for item in items]


class _Map:
    def __init__(self, name: str, codec: SubMessage | None, conversion: _Conversion) -> None:
        self._name = name
        self._codec = codec
        self._store, self._load = conversion

    def write(self, message: Any, value: Mapping[Any, Any], serializers: Serializers) -> None:
        entries = getattr(message, self._name)
        if self._codec is None:
            store = self._store
            entries.update(value if store is None else {key: store(item) for key, item in value.items()})
            return
        for key, item in value.items():
            _write_item(self._codec, entries[key], item, serializers, f"[{key!r}]")

    def read(self, message: Any, serializers: Serializers) -> Any:
        entries = getattr(message, self._name)
        if self._codec is not None:
            return {key: self._codec.read(entries[key], serializers) for key in entries}
        load = self._load
        return dict(entries) if load is None else {key: load(item) for key, item in entries.items()}


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
    conversion, one = _scalar(value, python) if below is None else (_AS_IT_IS, Accepts(below.expected, below.types))
    if entry:
        return _Map(field.name, below, conversion), Accepts(f"a map to {one.expected}", (dict, Mapping))
    if field.is_repeated:
        return _List(field.name, below, conversion), Accepts(f"a list of {one.expected}", (list, tuple))
    inner = _Message(field.name, below) if below else _Scalar(field.name, conversion)
    optional = field.has_presence and (below is None or field.containing_oneof is not None or default is None)
    types = (*one.types, NoneType) if optional and default is None else one.types
    return (_Optional(field.name, inner, default) if optional else inner), Accepts(one.expected, types)


def class_of(field: FieldDescriptor, generated: type[Any] | None) -> type[Any] | None:
    """The record or enumeration of a field's type, or of its items: one that was generated, or the runtime's own."""
    entry = map_entry(field)
    message = (entry.fields_by_name["value"] if entry else field).message_type
    return generated if generated is not None or message is None else _RECORDS.get(message.full_name)


def _sub_message(field: FieldDescriptor, python: type[Any] | None) -> SubMessage | None:
    if field.message_type is None:
        return None
    if python is not None:
        record: SubMessage = python.__wire__
        return record
    return value_of(field.message_type)


def _scalar(field: FieldDescriptor, python: type[Any] | None) -> tuple[_Conversion, Accepts]:
    accepts = SCALARS[field.type]
    if field.enum_type is None:
        return _AS_IT_IS, accepts
    if field.enum_type.full_name == NULL and field.containing_oneof is None:  # in one, None is its absence
        return _Conversion(_store_null, _load_null), Accepts("None", (NoneType,))
    if python is None:
        return _AS_IT_IS, Accepts(f"a number of {field.enum_type.full_name}", accepts.types)
    return _Conversion(load=python), Accepts(python.__name__, accepts.types)

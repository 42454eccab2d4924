"""What a method takes and returns, as a message: parameters by name, a single value, or a record."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.apart import finished
from oiafed_rpc.codec.fields import NULL, REQUIRED
from oiafed_rpc.codec.kept import Kept
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.codec.native import ANY, Native
from oiafed_rpc.codec.records import Fields, enter_enums, parse
from oiafed_rpc.codec.shadowed import serialized
from oiafed_rpc.codec.sharing import check_sharing, depth_told
from oiafed_rpc.codec.values import payload_of
from oiafed_rpc.codec.well_known import WRAPPERS
from oiafed_rpc.serializer import Serializers


class MessageCodec(Protocol):
    """Turns a payload to the bytes of its message and back; raises FieldError where that can't be."""

    @property
    def descriptor(self) -> Descriptor:
        """The message, as protobuf describes it."""
        ...

    def check(self, value: Any) -> None:
        """See whether a value is of the right kind, without a deep look."""
        ...

    def encode(self, value: Any, serializers: Serializers) -> bytes:
        """The bytes of a value."""
        ...

    def decode(self, data: bytes, serializers: Serializers) -> Any:
        """The value of bytes from a peer."""
        ...

    def adopt(self, value: Any) -> Any:
        """The value that `decode` would give, of one that another serializer gave.

        That one may be plain: dicts for records, names or numbers for members of enumerations. All of it is checked as
        `encode` does, but arrays are not copied.
        """
        ...


def _absences(wire: type[ProtoMessage]) -> list[object]:
    """What the absence of each field stands for where the schema gives no default."""
    fields = cast("list[FieldDescriptor]", list(wire.DESCRIPTOR.fields))
    return [None if _may_be_none(field) else REQUIRED for field in fields]


def _may_be_none(field: FieldDescriptor) -> bool:
    """Whether a field is optional, a member of a oneof, a wrapper, which is there to be absent, or a NullValue."""
    if field.containing_oneof is not None:
        return True
    type_ = field.message_type or field.enum_type
    return type_ is not None and not field.is_repeated and (type_.full_name in WRAPPERS or type_.full_name == NULL)


class Params:
    """A request whose fields are the parameters of its method; the payload is a dict of them by Python name.

    A parameter that is a stream is not part of the payload: where there are others, the first message of the request
    has those, and each that follows has one item of the stream.

    Args:
        wire: The message class of the `_pb2` module.
        names: The parameters' Python names, in the order of the message's fields.
        types: For each whose type is a record or an enumeration, that class.
        defaults: What stands for those that are absent. Without being told, None does for those that are optional,
            members of a oneof, wrappers or a NullValue.
        stream: The one that is a stream, if any.

    Attributes:
        descriptor: The message, as protobuf describes it.
        stream: As given.
    """

    def __init__(
        self,
        wire: type[ProtoMessage],
        names: tuple[str, ...],
        types: Mapping[str, type[Any]] | None = None,
        defaults: Mapping[str, object] | None = None,
        stream: str = "",
    ) -> None:
        self._wire = wire
        self.descriptor = cast("Descriptor", wire.DESCRIPTOR)
        self._names = names
        self.stream = stream
        self._types = types or {}
        enter_enums(wire, names, self._types)
        self._given = defaults or {}

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' Python names, in the order of the message's fields."""
        return self._names

    @property
    def head(self) -> tuple[str, ...]:
        """The parameters that are no stream."""
        return tuple(name for name in self._names if name != self.stream)

    @property
    def item(self) -> Value | None:
        """One item of the parameter that is a stream."""
        if not self.stream:
            return None
        return Value(self._wire, self._types.get(self.stream), self._names.index(self.stream))

    @cached_property
    def _fields(self) -> Fields:
        names = dict.fromkeys(self._names, REQUIRED) | self._defaults
        return Fields(self._wire, names, self._types, only=self.head)

    @cached_property
    def _defaults(self) -> dict[str, object]:
        absences = zip(self._names, _absences(self._wire), strict=False)  # Fields tells where they do not match
        return {name: None for name, absence in absences if absence is None} | {**self._given}

    @depth_told
    def from_plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that a schema-less caller means: records for dicts, and defaults for what it left out.

        Raises:
            FieldError: naming the parameter whose dict does not make its record, or members of a oneof that are set
                together.
        """
        check_sharing(values)
        typed = self._fields.from_plain({**self._defaults, **values})
        self._fields.check_one_ofs(typed.get)
        return typed

    def check(self, value: dict[str, Any]) -> None:
        """See whether the parameters are of the right kind."""
        if self._names:
            self._fields.check(value.__getitem__)

    def encode(self, value: dict[str, Any], serializers: Serializers) -> bytes:
        """The bytes of a dict of parameters."""
        message = self._wire()
        self._fields.write(message, value.__getitem__, serializers)
        return finished(message, serializers)

    def decode(self, data: bytes, serializers: Serializers) -> dict[str, Any]:
        """The dict of parameters in a request."""
        return self._fields.read(parse(self._wire, data), serializers)

    @depth_told
    def adopt(self, value: Any) -> dict[str, Any]:
        """The dict of parameters that `decode` would give, of a dict by name that another serializer gave.

        As in `decode`, the sender may have another version of the schema: parameters that are not known here are left
        out, and those that are not there have their defaults or zero values.

        Raises:
            FieldError: naming the parameter that does not fit.
        """
        if not isinstance(value, dict):
            raise FieldError("", mismatch("a dict of parameters", value, TypeError()))
        typed = self.from_plain(self._fields.known(cast("dict[str, Any]", value)))
        typed |= self._fields.absent(typed)
        message, kept = self._wire(), Kept()
        self._fields.write(message, typed.__getitem__, kept)
        return self._fields.read(message, kept)


class Value:
    """A message that stands for one value: its only field, the native value that it is, or None if it is empty.

    Args:
        wire: The message class of the `_pb2` module.
        python: The record or enumeration of the value's type, or of its items.
        field: The index of the field that has the value, where there are several.

    Attributes:
        descriptor: The message, as protobuf describes it.
    """

    def __init__(self, wire: type[ProtoMessage], python: type[Any] | None = None, field: int = 0) -> None:
        self._wire = wire
        self.descriptor = cast("Descriptor", wire.DESCRIPTOR)
        self._field = field
        self._native = payload_of(wire)
        self._empty = not wire.DESCRIPTOR.fields
        self._kept_whole = self._empty or self._native is ANY  # nothing in it is written out
        self._python = python
        if python is not None:
            names = [each.name for each in wire.DESCRIPTOR.fields]
            enter_enums(wire, names, {names[field]: python})

    @cached_property
    def _fields(self) -> Fields:
        names = [field.name for field in self._wire.DESCRIPTOR.fields]
        only = names[self._field : self._field + 1]
        types = {} if self._python is None else dict.fromkeys(only, self._python)
        return Fields(self._wire, dict(zip(names, _absences(self._wire), strict=True)), types, only)

    def check(self, value: Any) -> None:
        """See whether the value is of the right kind."""
        if self._native is not None:
            if not isinstance(value, self._native.types):
                raise FieldError("", mismatch(self._native.expected, value, TypeError()))
        elif self._empty:
            if value is not None:
                raise FieldError("", mismatch("nothing", value, TypeError()))
        else:
            self._fields.check(lambda _: value)

    def encode(self, value: Any, serializers: Serializers) -> bytes:
        """The bytes of a value."""
        message = self._wire()
        self._write(message, value, serializers)
        return finished(message, serializers)

    def _write(self, message: ProtoMessage, value: Any, serializers: Serializers) -> None:
        self.check(value)
        if self._native is not None:
            self._write_native(self._native, message, value, serializers)
        else:
            self._fields.write(message, lambda _: value, serializers)

    @staticmethod
    def _write_native(native: Native, message: ProtoMessage, value: Any, serializers: Serializers) -> None:
        try:
            native.write(message, value, serializers)
        except (TypeError, ValueError, AttributeError) as error:
            raise FieldError("", mismatch(native.expected, value, error)) from error

    def decode(self, data: bytes, serializers: Serializers) -> Any:
        """The value in a message."""
        return self._read(parse(self._wire, data), serializers)

    @depth_told
    def adopt(self, value: Any) -> Any:
        """The value that `decode` would give, of one that another serializer gave.

        Raises:
            FieldError: naming the place in it that does not fit.
        """
        if not self._kept_whole:
            check_sharing(value)
            value = self._plain(value)
        message, kept = self._wire(), Kept()
        self._write(message, value, kept)
        return self._read(message, kept)

    def _plain(self, value: Any) -> Any:
        if self._native is not None:
            return value if self._native.from_plain is None else self._native.from_plain(value)
        (typed,) = self._fields.from_plain(dict.fromkeys(self._fields.names, value)).values()
        return typed

    def _read(self, message: ProtoMessage, serializers: Serializers) -> Any:
        if self._native is None:
            return next(iter(self._fields.read(message, serializers).values()), None)
        try:
            return self._native.read(message, serializers)
        except (TypeError, ValueError, OverflowError) as error:
            raise FieldError("", str(error)) from error


class Raw:
    """A protobuf message as it is: for services that are not this toolkit's own.

    Attributes:
        descriptor: The message, as protobuf describes it.
    """

    def __init__(self, wire: type[ProtoMessage]) -> None:
        self._wire = wire
        self.descriptor = cast("Descriptor", wire.DESCRIPTOR)

    def check(self, value: Any) -> None:
        """See whether the value is such a message."""
        if not isinstance(value, self._wire):
            raise FieldError("", mismatch(self._wire.DESCRIPTOR.full_name, value, TypeError()))

    def encode(self, value: ProtoMessage, serializers: Serializers) -> bytes:
        """The bytes of a message."""
        return serialized(value)

    def decode(self, data: bytes, serializers: Serializers) -> ProtoMessage:
        """The message of bytes from a peer."""
        return parse(self._wire, data)

    def adopt(self, value: Any) -> Any:
        """The message itself."""
        self.check(value)
        return value

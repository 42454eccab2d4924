"""Whole messages: generated classes bound to their protobuf messages."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, cast

from google.protobuf import empty_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.apart import finished
from oiafed_rpc.codec.fields import REQUIRED, FieldCodec, class_of, field_codec
from oiafed_rpc.codec.kept import Kept
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.codec.plain import Converter, converter
from oiafed_rpc.codec.scalars import Accepts
from oiafed_rpc.codec.shadowed import merge
from oiafed_rpc.codec.sharing import check_sharing, depth_told, weight
from oiafed_rpc.descriptors import map_entry
from oiafed_rpc.errors import DeclaredError
from oiafed_rpc.one_of import check_one, check_one_ofs
from oiafed_rpc.records import Empty, OpenEnum, Record
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.serializer.base import did_you_mean
from oiafed_rpc.serializer.generated import enter
from oiafed_rpc.serializer.pickling.budget import Budget


class _Field(NamedTuple):
    name: str
    schema_name: str
    codec: FieldCodec
    accepts: Accepts
    from_plain: Converter | None


class Fields:
    """The fields of a message, paired in order with the Python names of their values.

    Args:
        wire: The message class.
        defaults: For every field, in order, its Python name and what its absence stands for.
        types: For each whose type is a record or an enumeration, that class.
        only: The names of those that are wanted; None for all.
    """

    def __init__(
        self,
        wire: type[ProtoMessage],
        defaults: Mapping[str, object],
        types: Mapping[str, type[Any]],
        only: Collection[str] | None = None,
    ) -> None:
        descriptors = cast("list[FieldDescriptor]", list(wire.DESCRIPTOR.fields))
        if len(descriptors) != len(defaults):
            raise TypeError(
                f"{wire.DESCRIPTOR.full_name} has {len(descriptors)} fields, but {len(defaults)} names were given: "
                "the generated code is stale; run oiafed-gen again"
            )
        self._wire = wire
        self._fields = [
            _field(field, name, default, class_of(field, types.get(name)))
            for field, (name, default) in zip(descriptors, defaults.items(), strict=True)
            if only is None or name in only
        ]
        self._one_ofs = _one_ofs(descriptors, {each.schema_name: each.name for each in self._fields})
        self._by_name = {each.schema_name: each.name for each in self._fields} | {name: name for name in self.names}

    def write(self, message: ProtoMessage, get: Callable[[str], Any], serializers: Serializers) -> None:
        """Fill a message from the values that `get` gives for each name.

        Raises:
            FieldError: naming the field whose value does not fit, or the members of a oneof that are set together.
        """
        self.check_one_ofs(get)
        for name, _, codec, accepts, _ in self._fields:
            value = get(name)
            try:
                codec.write(message, value, serializers)
            except FieldError as error:
                raise error.below(name) from error.__cause__
            except (TypeError, ValueError, AttributeError, OverflowError) as error:
                raise FieldError(name, mismatch(accepts.expected, value, error)) from error

    def check_one_ofs(self, get: Callable[[str], Any]) -> None:
        """See whether each oneof has at most one member set; raises FieldError naming those that are."""
        for name, members in self._one_ofs:
            check_one(name, members, get)

    def from_plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values by name, with records for dicts and members of enumerations for their names.

        Raises:
            FieldError: naming the field whose dict does not make its record.
        """
        typed = dict(values)
        for name, _, _, _, convert in self._fields:
            if convert is not None and name in typed:
                try:
                    typed[name] = convert(typed[name])
                except FieldError as error:
                    raise error.below(name) from None
        return typed

    @property
    def names(self) -> tuple[str, ...]:
        """The Python names, in order."""
        return tuple(field.name for field in self._fields)

    def python_names(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """Values by Python name, of values by that or by the schema's name.

        Raises:
            FieldError: for a name that is neither, saying the nearest.
        """
        names = self._by_name
        for name in values:
            if name not in names:
                raise FieldError("", f"there is no {str(name)[:60]!r}{did_you_mean(str(name), names)}")
        return {names[name]: value for name, value in values.items()}

    def known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by Python name, of values by that or by the schema's name, without those of any other name."""
        names = self._by_name
        return {names[name]: value for name, value in values.items() if name in names}

    def absent(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What protobuf would have read for the names that have no value: defaults and zero values."""
        if len(values) == len(self._fields):
            return {}
        empty = self.read(self._wire(), Kept())
        return {name: value for name, value in empty.items() if name not in values}

    def schema_names(self, get: Callable[[str], Any]) -> dict[str, Any]:
        """The values that `get` gives for each name, by the schema's names."""
        return {field.schema_name: get(field.name) for field in self._fields}

    def check(self, get: Callable[[str], Any]) -> None:
        """See whether the values are of the right kind, without a look inside lists, maps and records.

        Raises:
            FieldError: naming the first whose value does not fit, or the members of a oneof that are set together.
        """
        for name, _, _, accepts, _ in self._fields:
            value = get(name)
            if not isinstance(value, accepts.types):
                raise FieldError(name, mismatch(accepts.expected, value, TypeError()))
        if self._one_ofs:  # few messages have any, and every call in memory comes by here
            self.check_one_ofs(get)

    def read(self, message: ProtoMessage, serializers: Serializers) -> dict[str, Any]:
        """The values of a message by name."""
        values: dict[str, Any] = {}
        for name, _, codec, _, _ in self._fields:
            try:
                values[name] = codec.read(message, serializers)
            except FieldError as error:
                raise error.below(name) from error.__cause__
            except (TypeError, ValueError, OverflowError) as error:
                raise FieldError(name, str(error)) from error
        return values


def _field(field: FieldDescriptor, name: str, default: object, python: type[Any] | None) -> _Field:
    codec, accepts = field_codec(field, python, default)
    return _Field(name, field.name, codec, accepts, converter(field, python))


def _one_ofs(fields: Sequence[FieldDescriptor], names: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """The oneofs of a message of which several members could be set, with the Python names of these.

    Args:
        fields: All fields of the message.
        names: The Python names of the fields that are looked at, by their names in the schema.
    """
    members: dict[str, list[str]] = {}
    for field in fields:
        if field.containing_oneof is not None and field.name in names:
            members.setdefault(field.containing_oneof.name, []).append(names[field.name])
    return [item for item in members.items() if len(item[1]) > 1]  # protobuf has one for each `optional`, too


class RecordCodec:
    """Turns one generated class, a record or a declared error, to its message and back."""

    def __init__(self, cls: type[Any], wire: type[ProtoMessage], types: Mapping[str, type[Any]]) -> None:
        self._cls = cls
        self._wire = wire
        self.descriptor = cast("Descriptor", wire.DESCRIPTOR)
        self._types = types
        self.expected = cls.__qualname__
        self.types: tuple[type[Any], ...] = (cls,)
        self.full_name: str = wire.DESCRIPTOR.full_name
        self._has_one_ofs = any(len(each.fields) > 1 for each in self.descriptor.oneofs)

    @cached_property
    def _fields(self) -> Fields:
        """Made when first used: the types of the fields may be bound later than the message that has them."""
        return Fields(self._wire, _defaults(self._cls), self._types)

    def write(self, message: Any, value: Any, serializers: Serializers) -> None:
        """Fill a message; raises FieldError or TypeError where the value does not fit."""
        if not isinstance(value, self._cls):
            raise TypeError(f"not a {self.expected}")
        self._fields.write(message, value.__getattribute__, serializers)

    def read(self, message: Any, serializers: Serializers) -> Any:
        """The value of a message; absent fields have their defaults or zero values."""
        return self._cls(**self._fields.read(message, serializers))

    def from_plain(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a record given as a dict; raises FieldError as `Fields.from_plain` does."""
        return self._fields.from_plain(values)

    def made_of(self, values: Mapping[str, Any]) -> Any:
        """The record that a dict means; raises FieldError for fields that are unknown, missing, or make no record."""
        typed = self._fields.from_plain(self._fields.python_names(values))
        try:
            return self._cls(**typed)
        except TypeError as error:  # says which are missing
            raise FieldError("", str(error)) from None

    def to_plain(self, value: Any) -> dict[str, Any]:
        """The fields of a record by the schema's names."""
        return self._fields.schema_names(value.__getattribute__)

    def restore(self, values: Mapping[str, Any], budget: Budget) -> Any:
        """The record that `to_plain` gave, to the bit; raises FieldError where a field does not fit.

        Args:
            values: Its fields.
            budget: Pays for fields that did not come, and is told of them and of those that are not known.
        """
        try:
            value = self.made_of(values)
        except FieldError as error:
            value = self._cls(**self._fields.from_plain(self.completed(values, budget.small)))
            budget.deviations.note(f"not a valid {self.full_name}: {error}")
        self.write(self._wire(), value, Kept())
        return value

    def completed(self, values: Mapping[str, Any], pay: Callable[[int], None]) -> dict[str, Any]:
        """The fields of a record, of those that it has in another version of the schema.

        Fields that are not known here are left out, and those that are not there have their defaults or zero values.

        Args:
            values: The fields by name.
            pay: Is told the bytes, roughly, of what is added.
        """
        known = self._fields.known(values)
        absent = self._fields.absent(known)
        if absent:
            pay(weight(absent))
        return known | absent

    @depth_told
    def adopt(self, value: Any) -> Any:
        """The value that `decode` would give, of an instance or a dict that another serializer gave.

        Raises:
            FieldError: naming the field whose value does not fit.
        """
        check_sharing(value)
        typed = self.made_of(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        self.check(typed)
        message, kept = self._wire(), Kept()
        self.write(message, typed, kept)
        return self.read(message, kept)

    def check(self, value: object) -> None:
        """See whether a value is of this class, without a look inside; raises FieldError where it is not."""
        if not isinstance(value, self._cls):
            raise FieldError("", mismatch(self.expected, value, TypeError()))
        if self._has_one_ofs:
            check_one_ofs(value)

    def encode(self, value: object, serializers: Serializers) -> bytes:
        """The bytes of a value.

        Raises:
            FieldError: naming the field whose value does not fit.
        """
        self.check(value)
        message = self._wire()
        self.write(message, value, serializers)
        return finished(message, serializers)

    def decode(self, data: bytes, serializers: Serializers) -> Any:
        """The value of bytes from a peer.

        Raises:
            FieldError: where they are not this message, or hold what is not allowed.
        """
        return self.read(parse(self._wire, data), serializers)


def parse(wire: type[ProtoMessage], data: bytes) -> ProtoMessage:
    """Parse bytes from a peer.

    Raises:
        FieldError: where they are not this message.
    """
    message = wire()
    try:
        merge(message, data)
    except DecodeError:
        raise FieldError("", f"these {len(data)} bytes are not a {wire.DESCRIPTOR.full_name}") from None
    return message


def _defaults(cls: type[Any]) -> dict[str, object]:
    if issubclass(cls, DeclaredError):
        parameters = inspect.signature(cls).parameters.values()
        keywords = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
        return {each.name: REQUIRED if each.default is inspect.Parameter.empty else each.default for each in keywords}
    return {each.name: _default(each) for each in dataclasses.fields(cls)}


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    return REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()


def bind(cls: type[Record | DeclaredError], wire: type[ProtoMessage], /, **types: type[Any]) -> None:
    """Tie a generated class to the protobuf message that carries it.

    Args:
        cls: The record or error class; its fields come in the order of the message's fields.
        wire: The message class of the `_pb2` module.
        types: For each field whose type is a message or enumeration, by its Python name, that class.
    """
    cls.__wire__ = RecordCodec(cls, wire, types)
    enter(wire.DESCRIPTOR.full_name, cls)
    if types:
        enter_enums(wire, list(_defaults(cls)), types)


def enter_enums(wire: type[ProtoMessage], names: Sequence[str], types: Mapping[str, type[Any]]) -> None:
    """Make the enumerations among the types of fields known by their names in the schema.

    Args:
        wire: The message class.
        names: The Python names of its fields, in order.
        types: For each whose type is a message or enumeration, that class.
    """
    if not any(issubclass(each, OpenEnum) for each in types.values()):
        return  # as most have none, and this is done for every message while modules are imported
    fields = cast("list[FieldDescriptor]", list(wire.DESCRIPTOR.fields))
    for field, name in zip(fields, names, strict=False):  # Fields tells where they do not match
        python = types.get(name)
        entry = map_entry(field)
        kind = (entry.fields_by_name["value"] if entry else field).enum_type
        if python is not None and kind is not None:
            enter(kind.full_name, python)


bind(Empty, empty_pb2.Empty)

"""Random values of generated types, made from the descriptors of their messages."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import inspect
import random
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from oiafed_rpc.errors import DeclaredError
from oiafed_rpc.records import OpenEnum, Record
from oiafed_rpc.serializer.generated import class_named

_INTEGERS = {
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SFIXED32), (-(2**31), 2**31 - 1)
    ),
    **dict.fromkeys(
        (FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_SINT64, FieldDescriptor.TYPE_SFIXED64), (-(2**63), 2**63 - 1)
    ),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_FIXED32), (0, 2**32 - 1)),
    **dict.fromkeys((FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64), (0, 2**64 - 1)),
}
_TEXTS = ("", "a", "weights", "ü€😀", 'quotes " and \\', "\0\n\t", "null", "__type__")
_FLOATS = (0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), -float("inf"))
_FLOATS32 = (0.0, 0.25, -1.5, float("inf"), struct.unpack("<f", struct.pack("<f", 0.1))[0])
_DTYPES = ("float32", "float64", "int64", "uint8", "bool")
_WRAPPERS = {message.full_name for message in wrappers_pb2.DESCRIPTOR.message_types_by_name.values()}
_ENOUGH = 3
REQUIRED = object()


class Values:
    """Makes values, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._native: dict[str, Callable[[], Any]] = {
            "google.protobuf.Timestamp": self._moment,
            "google.protobuf.Duration": lambda: datetime.timedelta(
                microseconds=self._random.randint(-(10**12), 10**12)
            ),
            "oiafed.v1.Tensor": self._array,
            "oiafed.v1.Tensors": lambda: {name: self._array() for name in self._some(_TEXTS)},
            "oiafed.v1.PyObject": self._json,
            "google.protobuf.Value": self._json,
            "google.protobuf.Struct": lambda: {name: self._json() for name in self._some(_TEXTS)},
            "google.protobuf.ListValue": lambda: [self._json() for _ in range(self._random.randint(0, 2))],
            "google.protobuf.FieldMask": lambda: self._some(("a", "b.c", "d_e")),
        }

    def record(self, cls: type[Any], depth: int = 0) -> Any:
        """An instance of a record or error class."""
        return cls(**self.fields(wire_of(cls), defaults_of(cls), depth))

    def fields(self, descriptor: Descriptor, defaults: Mapping[str, object], depth: int = 0) -> dict[str, Any]:
        """A value for each field, by the Python names that come with the defaults, in the order of the fields."""
        chosen = {one_of.name: self._random.choice(one_of.fields).name for one_of in descriptor.oneofs}
        return {
            name: self.field(field, default, depth) if _may_be_set(field, chosen) else None
            for field, (name, default) in zip(descriptor.fields, defaults.items(), strict=True)
        }

    def field(self, field: FieldDescriptor, default: object = REQUIRED, depth: int = 0) -> Any:
        """The value of a field, whose absence stands for `default`."""
        deep = depth >= _ENOUGH
        if default is None and (deep or self._random.random() < 0.3):
            return None
        if not field.is_repeated:
            return self._one(field, depth)
        count = 0 if deep else self._random.randint(0, 3)
        if field.message_type is None or not field.message_type.GetOptions().map_entry:
            return [self._one(field, depth) for _ in range(count)]
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        return {self._one(key, depth): self._one(value, depth) for _ in range(count)}

    def message(self, descriptor: Descriptor, depth: int = 0) -> Any:
        """The value that stands for a message."""
        if descriptor.full_name in self._native:
            return self._native[descriptor.full_name]()
        if descriptor.full_name in _WRAPPERS:
            return self._scalar(descriptor.fields_by_name["value"].type)
        if descriptor.file.package == "google.protobuf" and descriptor.fields:
            return self._protobufs_own(descriptor)
        return self.record(class_named(descriptor.full_name, Record), depth + 1)

    def _one(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            return self.message(field.message_type, depth)
        if field.enum_type is not None and field.enum_type.file.package == "google.protobuf":
            is_none = field.enum_type.name == "NullValue" and field.containing_oneof is None
            return None if is_none else self._random.choice(field.enum_type.values).number
        if field.enum_type is not None:
            enum = class_named(field.enum_type.full_name, OpenEnum)
            return enum(self._random.choice([*(value.number for value in field.enum_type.values), 77]))
        return self._scalar(field.type)

    def _protobufs_own(self, descriptor: Descriptor) -> Any:
        """A message that is its own value in Python, with something in it."""
        message: Any = GetMessageClass(descriptor)()
        if isinstance(message, any_pb2.Any):
            message.Pack(wrappers_pb2.Int64Value(value=self._random.randint(0, 9)))
        for field in descriptor.fields:
            if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated and not message.ByteSize():
                setattr(message, field.name, self._random.choice(("a", "ü€")))
        return message

    def _scalar(self, kind: int) -> Any:
        choose = self._random.choice
        if kind in _INTEGERS:
            return choose([*_INTEGERS[kind], 0, 1, self._random.randint(*_INTEGERS[kind])])
        match kind:
            case FieldDescriptor.TYPE_BOOL:
                return choose([False, True])
            case FieldDescriptor.TYPE_STRING:
                return choose(_TEXTS)
            case FieldDescriptor.TYPE_BYTES:
                return choose([b"", b"\0\xff", self._random.randbytes(20)])
            case FieldDescriptor.TYPE_FLOAT:
                return choose(_FLOATS32)
            case _:
                return choose([*_FLOATS, self._random.random()])

    def _some(self, items: tuple[Any, ...]) -> list[Any]:
        return self._random.sample(items, self._random.randint(0, 2))

    def _moment(self) -> datetime.datetime:
        start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return start + datetime.timedelta(microseconds=self._random.randint(-(10**15), 10**15))

    def _array(self) -> Any:
        shape = [self._random.randint(0, 3) for _ in range(self._random.randint(0, 3))]
        count = int(np.prod(shape))
        numbers = np.array([self._random.randint(0, 100) for _ in range(count)]).reshape(shape)
        return numbers.astype(self._random.choice(_DTYPES))

    def _json(self) -> Any:
        return self._random.choice([None, True, 3.5, "text", [1.5, "a", None], {"a": {"b": [1.0]}, "c": None}])


def _may_be_set(field: FieldDescriptor, chosen: Mapping[str, str]) -> bool:
    """Whether a field is in no oneof, or the member that was chosen of it."""
    return field.containing_oneof is None or chosen[field.containing_oneof.name] == field.name


def wire_of(cls: type[Any]) -> Descriptor:
    """The descriptor of the message that a generated class is bound to."""
    return cast("Descriptor", cls.__wire__._wire.DESCRIPTOR)


def defaults_of(cls: type[Any]) -> dict[str, object]:
    """For each field of a generated class what its absence stands for, or `REQUIRED`, by Python name."""
    if issubclass(cls, DeclaredError):
        parameters = inspect.signature(cls).parameters.values()
        keywords = [each for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
        return {each.name: REQUIRED if each.default is each.empty else each.default for each in keywords}
    return {
        each.name: REQUIRED if each.default is dataclasses.MISSING else each.default for each in dataclasses.fields(cls)
    }


def generated(base: type[Any]) -> list[type[Any]]:
    """The generated classes below a base of the runtime that this process has imported, but for the runtime's own."""
    found: list[type[Any]] = []
    ahead = base.__subclasses__()
    while ahead:
        cls = ahead.pop()
        ahead += cls.__subclasses__()
        if not cls.__module__.startswith("oiafed_rpc.") and _named(cls) is cls:
            found.append(cls)
    return found


def _named(cls: type[Any]) -> object:
    """What has the name of a class now: a dataclass with slots took the place of the class it was made from."""
    return functools.reduce(getattr, cls.__qualname__.split("."), sys.modules[cls.__module__])

"""Leaving out of descriptors what a stub cannot say, or should not."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

_TAKEN = frozenset(name for name in dir(Message) if not name.startswith("__")) | {"DESCRIPTOR", "Extensions"}


def describable(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file as mypy-protobuf is to see it.

    It has no fields whose names mean something else in every message or stub: protobuf's own methods, and names that
    start with an underscore. Such fields are reached by `getattr`; mypy-protobuf leaves out keywords for the same
    reason. Nor is anything deprecated, which would make the stub itself full of uses of what is deprecated.
    """
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    copy.options.ClearField("deprecated")
    _mend_messages(copy.message_type)
    _mend_enums(copy.enum_type)
    return copy


def _mend_messages(messages: Iterable[DescriptorProto]) -> None:
    for message in messages:
        message.options.ClearField("deprecated")
        _mend_fields(message)
        _mend_messages(message.nested_type)
        _mend_enums(message.enum_type)


def _mend_fields(message: DescriptorProto) -> None:
    for field in message.field:
        field.options.ClearField("deprecated")
    taken = [index for index, field in enumerate(message.field) if _is_taken(field.name)]
    for index in reversed(taken):
        del message.field[index]
    if taken:  # the oneofs of optional fields may be empty now; that the fields are optional is said twice
        del message.oneof_decl[:]
        for field in message.field:
            field.ClearField("oneof_index")


def _mend_enums(enums: Iterable[EnumDescriptorProto]) -> None:
    for enum in enums:
        enum.options.ClearField("deprecated")
        for value in enum.value:
            value.options.ClearField("deprecated")


def _is_taken(name: str) -> bool:
    return name.startswith("_") or name in _TAKEN

"""Running mypy-protobuf, on descriptors without what a stub cannot say, or should not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message

from oiafed_gen.tools import ToolError, complaint, run_module

_TAKEN = frozenset(name for name in dir(Message) if not name.startswith("__")) | {"DESCRIPTOR", "Extensions"}


def make_stubs(descriptors: Sequence[FileDescriptorProto], names: Sequence[str]) -> dict[str, str]:
    """Return the `_pb2.pyi` texts of the files `names` by proto name.

    Args:
        descriptors: All files, those that `names` import included.
        names: The files that stubs are wanted of.
    """
    if not names:
        return {}
    request = plugin_pb2.CodeGeneratorRequest(
        file_to_generate=names, parameter="quiet", proto_file=[_describable(file) for file in descriptors]
    )
    run = run_module("mypy_protobuf.main", data=request.SerializeToString())
    if run.returncode:
        raise ToolError(f"mypy-protobuf failed: {complaint(run)}")
    response = plugin_pb2.CodeGeneratorResponse.FromString(run.stdout)
    return {name: file.content for name, file in zip(names, response.file, strict=True)}


def _describable(file: FileDescriptorProto) -> FileDescriptorProto:
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

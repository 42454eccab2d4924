"""Running mypy-protobuf, on descriptors without what a stub cannot say, or should not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from keyword import iskeyword

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from oiafed_gen.python.names import MESSAGE_ATTRIBUTES
from oiafed_gen.tools import ToolError, complaint, run_module
from oiafed_gen.wire.private_types import make_private

_WRAPPER = frozenset((*dir(EnumTypeWrapper), *dir(type)))
"""What has a meaning of its own in the object that stands for an enum."""


def stub_request(descriptors: Sequence[FileDescriptorProto], names: Sequence[str]) -> bytes:
    """Return what mypy-protobuf is asked.

    Args:
        descriptors: All files, those that `names` import included.
        names: The files that stubs are wanted of.
    """
    described = [_describable(file) for file in descriptors]
    make_private(described)
    request = plugin_pb2.CodeGeneratorRequest(file_to_generate=names, parameter="quiet", proto_file=described)
    return request.SerializeToString()


def make_stubs(request: bytes, names: Sequence[str]) -> dict[str, str]:
    """Return the `_pb2.pyi` texts of the files `names` by proto name; `request` is the `stub_request` for them."""
    if not names:
        return {}
    run = run_module("mypy_protobuf.main", data=request)
    if run.returncode:
        raise ToolError(f"mypy-protobuf failed: {complaint(run)}")
    response = plugin_pb2.CodeGeneratorResponse.FromString(run.stdout)
    return {name: file.content for name, file in zip(names, response.file, strict=True)}


def _describable(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file as mypy-protobuf is to see it.

    It has no fields whose names mean something else in every message or stub: protobuf's own methods, and names that
    start with an underscore. Such fields are reached by `getattr`; mypy-protobuf leaves out keywords for the same
    reason, but not those of extensions. Values of enums have other, private names where theirs mean something else.
    Nor is anything deprecated, which would make the stub itself full of uses of what is deprecated, and no import is
    public: the modules themselves do not hand on one another's names.
    """
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    copy.options.ClearField("deprecated")
    copy.ClearField("public_dependency")
    _mend_extensions(copy)
    _mend_messages(copy.message_type)
    _mend_enums(copy.enum_type)
    return copy


def _mend_messages(messages: Iterable[DescriptorProto]) -> None:
    for message in messages:
        message.options.ClearField("deprecated")
        _mend_fields(message)
        _mend_extensions(message)
        _mend_messages(message.nested_type)
        _mend_enums(message.enum_type)


def _mend_fields(message: DescriptorProto) -> None:
    for field in message.field:
        field.options.ClearField("deprecated")
    fields = [field for field in message.field if not _is_taken(field.name)]
    if len(fields) == len(message.field):
        return
    indices = _one_ofs_of(fields)
    kept = DescriptorProto(field=fields, oneof_decl=[message.oneof_decl[index] for index in indices])
    for field in kept.field:
        if field.HasField("oneof_index"):
            field.oneof_index = indices.index(field.oneof_index)
    del message.field[:], message.oneof_decl[:]
    message.MergeFrom(kept)


def _one_ofs_of(fields: Iterable[FieldDescriptorProto]) -> list[int]:
    """Return the indices of the oneofs that some fields are members of."""
    return sorted({field.oneof_index for field in fields if field.HasField("oneof_index")})


def _mend_extensions(owner: FileDescriptorProto | DescriptorProto) -> None:
    kept = [field for field in owner.extension if not (_is_taken(field.name) or iskeyword(field.name))]
    copies = DescriptorProto(extension=kept).extension
    for field in copies:
        field.options.ClearField("deprecated")
    del owner.extension[:]
    owner.extension.extend(copies)


def _mend_enums(enums: Iterable[EnumDescriptorProto]) -> None:
    for enum in enums:
        enum.options.ClearField("deprecated")
        for value in enum.value:
            value.options.ClearField("deprecated")
            if _is_taken(value.name) or value.name in _WRAPPER:
                value.name = f"_value_{value.name}"


def _is_taken(name: str) -> bool:
    return name.startswith("_") or name in MESSAGE_ATTRIBUTES

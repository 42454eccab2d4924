"""The shapes of methods as one node describes them to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from oiafed_rpc.method import Method
from oiafed_rpc.schemas.shape import Shape, shape_of
from oiafed_rpc.system.types import DescribeReply, MethodShape

MAX_SIZE = 4 << 20
"""Bytes of descriptors from a peer."""

MAX_PARTS = 50_000
"""Files, messages, fields, values of enumerations and the like in them."""


class NotDescribedError(ValueError):
    """What a peer tells of its methods is nothing to go by; says why."""


def describe(methods: Iterable[Method[Any]]) -> DescribeReply:
    """Tell the shapes of methods, with all that is needed to read them."""
    told: list[MethodShape] = []
    files: dict[str, FileDescriptor] = {}
    for spec in methods:
        shape = shape_of(spec)
        errors = [error.full_name for error in shape.errors]
        told.append(
            MethodShape(
                path=spec.path,
                request=shape.request.full_name,
                response=shape.response.full_name,
                errors=errors,
                takes_stream=shape.takes_stream,
                gives_stream=shape.gives_stream,
                item=shape.item,
            )
        )
        for message in (shape.request, shape.response, *shape.errors):
            _collect(message.file, files)
    serialized = FileDescriptorSet(file=[FileDescriptorProto.FromString(each.serialized_pb) for each in files.values()])
    return DescribeReply(methods=told, files=serialized.SerializeToString())


def _collect(file: FileDescriptor, files: dict[str, FileDescriptor]) -> None:
    """Add a file behind those that it imports."""
    if file.name in files:
        return
    for needed in file.dependencies:
        _collect(needed, files)
    files[file.name] = file


def described(reply: DescribeReply) -> dict[str, Shape]:
    """The shapes of methods by path, as a peer tells them. Its descriptors come into a pool of their own.

    Raises:
        NotDescribedError: where they are no valid ones, or more than a schema has.
    """
    pool = _pool(reply.files)
    return {each.path: _shape(each, pool) for each in reply.methods}


def _pool(data: bytes) -> DescriptorPool:
    if len(data) > MAX_SIZE:
        raise NotDescribedError(f"{len(data):,} bytes of descriptors, more than {MAX_SIZE:,}")
    try:
        files = FileDescriptorSet.FromString(data).file
    except DecodeError:
        raise NotDescribedError("what should be descriptors are none") from None
    _check_parts(files)
    pool = DescriptorPool()
    try:
        for file in files:
            pool.AddSerializedFile(file.SerializeToString())
    except Exception as error:  # protobuf raises several kinds
        raise NotDescribedError(f"descriptors that protobuf refuses: {str(error)[:300]}") from None
    return pool


def _check_parts(files: Sequence[FileDescriptorProto]) -> None:
    """See whether descriptors are few enough to build and compare in a moment."""
    count = 0
    for file in files:
        messages: list[DescriptorProto] = list(file.message_type)
        enums: list[EnumDescriptorProto] = list(file.enum_type)
        count += 1 + len(file.dependency) + len(file.extension) + sum(1 + len(each.method) for each in file.service)
        while messages and count <= MAX_PARTS:
            message = messages.pop()
            messages += message.nested_type
            enums += message.enum_type
            count += 1 + len(message.field) + len(message.oneof_decl) + len(message.extension)
            count += len(message.extension_range) + len(message.reserved_range) + len(message.reserved_name)
        count += sum(1 + len(enum.value) + len(enum.reserved_range) + len(enum.reserved_name) for enum in enums)
    if count > MAX_PARTS:
        raise NotDescribedError(f"descriptors of more than {MAX_PARTS:,} parts")


def _shape(told: MethodShape, pool: DescriptorPool) -> Shape:
    request, response, *errors = (_message(name, pool) for name in (told.request, told.response, *told.errors))
    return Shape(told.takes_stream, told.gives_stream, request, response, tuple(errors), told.item)


def _message(name: str, pool: DescriptorPool) -> Descriptor:
    try:
        message: Descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        raise NotDescribedError(f"no descriptor for {name[:200]!r}") from None
    return message

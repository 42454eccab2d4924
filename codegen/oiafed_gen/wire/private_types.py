"""Nested types that are called like something every protobuf message has: stubs show them under a private name.

Generated code reaches such types by `getattr`, as it does those whose names are keywords.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

from oiafed_gen.python.names import MESSAGE_ATTRIBUTES


def make_private(files: Sequence[FileDescriptorProto]) -> None:
    """Rename such types in all files, and what refers to them."""
    renamed = {
        reference: item
        for file in files
        for outer in file.message_type
        for reference, item in _nested(outer, f".{file.package}.{outer.name}".replace("..", "."))
        if item.name in MESSAGE_ATTRIBUTES
    }
    if not renamed:
        return
    names = {reference: f"_{item.name}" for reference, item in renamed.items()}
    for item in renamed.values():
        item.name = f"_{item.name}"
    for file in files:
        _refer(file.message_type, names)


def _nested(outer: DescriptorProto, path: str) -> Iterator[tuple[str, DescriptorProto | EnumDescriptorProto]]:
    """Yield the types inside a message by how fields refer to them."""
    yield from ((f"{path}.{enum.name}", enum) for enum in outer.enum_type)
    for inner in outer.nested_type:
        yield f"{path}.{inner.name}", inner
        yield from _nested(inner, f"{path}.{inner.name}")


def _refer(messages: Iterable[DescriptorProto], names: Mapping[str, str]) -> None:
    for message in messages:
        for field in message.field:
            if field.type_name:
                field.type_name = _spelled(field.type_name, names)
        _refer(message.nested_type, names)


def _spelled(reference: str, names: Mapping[str, str]) -> str:
    parts = reference.split(".")
    paths = (".".join(parts[: depth + 1]) for depth in range(len(parts)))
    return ".".join(names.get(path, part) for path, part in zip(paths, parts, strict=True))

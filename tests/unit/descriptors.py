"""Descriptors of small .proto texts, each in a pool of its own."""

from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_tools import protoc  # type: ignore[import-untyped]
from oiafed_gen.provided import provided_files

_HEAD = 'syntax = "proto3"; package p; '
_IMPORTS = "".join(
    f'import "{name}"; '
    for name in ("google/protobuf/timestamp.proto", "google/protobuf/duration.proto", "oiafed/v1/options.proto")
)


def compiled(text: str) -> FileDescriptor:
    """Return the file of package `p` that declares `text`."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in provided_files().texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        (root / "a.proto").write_text(_HEAD + _IMPORTS + text)
        include = str(files("grpc_tools") / "_proto")
        out = root / "set.bin"
        arguments = ["protoc", f"-I{root}", f"-I{include}", f"--descriptor_set_out={out}", "--include_imports"]
        assert protoc.main([*arguments, "a.proto"]) == 0
        found = FileDescriptorSet.FromString(out.read_bytes())
    pool = DescriptorPool()
    for file in found.file:
        pool.Add(file)
    return pool.FindFileByName("a.proto")


def message(text: str, name: str = "M") -> Descriptor:
    """Return a message of `text`."""
    return compiled(text).message_types_by_name[name]


def enum(text: str, name: str = "E") -> EnumDescriptor:
    """Return an enum of `text`."""
    return compiled(text).enum_types_by_name[name]


def service(text: str, name: str = "S") -> ServiceDescriptor:
    """Return a service of `text`."""
    return compiled(text).services_by_name[name]

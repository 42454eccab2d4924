"""Running protoc for the `_pb2.py` of files, from their descriptors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from oiafed_gen.spelling import json_name
from oiafed_gen.tools import ToolError, complaint, run_module


def module_input(descriptors: Sequence[FileDescriptorProto]) -> bytes:
    """Return what protoc reads; the files are in an order in which imported ones come first."""
    return FileDescriptorSet(file=map(_as_written, descriptors)).SerializeToString()


def make_modules(described: bytes, names: Sequence[str]) -> dict[str, str]:
    """Return the `_pb2.py` texts of the files `names` by proto name; `described` is the `module_input`."""
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        root = Path(folder)
        (root / "set.bin").write_bytes(described)
        (root / "arguments").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
        (root / "out").mkdir()
        run = run_module(
            "grpc_tools.protoc", ["--descriptor_set_in=set.bin", "--python_out=out", "@arguments"], folder=root
        )
        if run.returncode:
            raise ToolError(f"protoc failed: {complaint(run)}")
        return {name: (root / "out" / _python_path(name)).read_text(encoding="utf-8") for name in names}


def _as_written(file: FileDescriptorProto) -> FileDescriptorProto:
    """Return a file without what protoc has added to its text, which would be added to the module."""
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    copy.ClearField("source_code_info")
    _clear_names(copy.extension)
    ahead = list(copy.message_type)
    for message in ahead:  # which grows
        ahead.extend(message.nested_type)
        _clear_names(message.field)
        _clear_names(message.extension)
    return copy


def _clear_names(fields: Iterable[FieldDescriptorProto]) -> None:
    """Clear the names in protobuf's JSON form that follow from the fields' own."""
    for field in fields:
        if field.json_name == json_name(field.name):
            field.ClearField("json_name")


def protoc_module(name: str) -> str:
    """Return what protoc calls the module of a file, dotted."""
    return f"{name.removesuffix('.proto').replace('-', '_').replace('/', '.')}_pb2"


def _python_path(name: str) -> str:
    """Return where protoc writes the module of a file."""
    return f"{protoc_module(name).replace('.', '/')}.py"

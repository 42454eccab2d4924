"""Running protoc, without leaving anything behind."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from oiafed_gen.tools import ToolError, complaint, run_module

_Run: TypeAlias = subprocess.CompletedProcess[bytes]

_MESSAGE = re.compile(r"^(?P<name>[^:\n]+\.proto):(?:(?P<line>\d+):(?P<column>\d+):)? (?P<text>.*)", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class ProtocMessage:
    """A mistake that protoc found, in a file by its proto name; at its start where protoc gives no place."""

    name: str
    line: int
    column: int
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Compiled:
    """What protoc made of the files.

    Attributes:
        descriptors: Of all files, imported ones before those that import them; where there are mistakes, of those
            files alone that have none and import none that has.
        messages: The mistakes found.
    """

    descriptors: tuple[FileDescriptorProto, ...] = ()
    messages: tuple[ProtocMessage, ...] = ()


def compile_protos(texts: Mapping[str, str], names: Sequence[str], authored: Sequence[str]) -> Compiled:
    """Compile some files, all by their proto names.

    Args:
        texts: What can be imported, and the files themselves.
        names: The files to compile.
        authored: Those of them that were not made from YAML, whose every mistake is wanted.
    """
    if not names:
        return Compiled()
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        root = Path(folder)
        for name, text in texts.items():
            _write(root / "in" / name, text)
        run = _run_protoc(root, names)
        if run.returncode:
            return _compile_each(root, authored, run)
        return Compiled(tuple(_descriptors(root)))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _compile_each(root: Path, names: Sequence[str], first: _Run) -> Compiled:
    """Compile each file by itself: a run over all of them ends at the first file that has mistakes."""
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        single = [workers.submit(_run_protoc, root, [name], number) for number, name in enumerate(names)]
    found = [*_messages(first)]
    descriptors: dict[str, FileDescriptorProto] = {}
    for number, (name, run) in enumerate(zip(names, (run.result() for run in single), strict=True)):
        found += _messages(run)
        if run.returncode and not _messages(run):
            found.append(ProtocMessage(name, 1, 1, f"protoc fails on this file: {complaint(run)}"))
        if not run.returncode:
            descriptors |= {file.name: file for file in _descriptors(root, number)}
    if not found:
        raise ToolError(f"protoc failed: {complaint(first)}")
    return Compiled(tuple(descriptors.values()), tuple(dict.fromkeys(found)))


def _descriptors(root: Path, number: int = -1) -> Sequence[FileDescriptorProto]:
    """Return what the run `number` made."""
    return FileDescriptorSet.FromString((root / f"set{number}.bin").read_bytes()).file


def _run_protoc(root: Path, names: Sequence[str], number: int = -1) -> _Run:
    """Run protoc on the files `names`, as the run `number` of several at once."""
    arguments = f"arguments{number}"
    _write(root / arguments, "".join(f"{name}\n" for name in names))
    options = ["-I.", f"--descriptor_set_out=../set{number}.bin"]
    options += ["--include_imports", "--include_source_info", f"@../{arguments}"]
    return run_module("grpc_tools.protoc", options, folder=root / "in")


def _messages(run: _Run) -> list[ProtocMessage]:
    if not run.returncode:
        return []
    return [
        ProtocMessage(match["name"], int(match["line"] or 1), int(match["column"] or 1), match["text"])
        for match in _MESSAGE.finditer(run.stderr.decode(errors="replace"))
        if not match["text"].startswith("warning:")
    ]

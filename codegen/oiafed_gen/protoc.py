"""Running protoc and mypy-protobuf, by this Python's own interpreter and without leaving anything behind."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from oiafed_gen.describable import describable

_Run: TypeAlias = subprocess.CompletedProcess[str]

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
        descriptors: Of all files, imported ones before those that import them.
        python: The text of each `_pb2.py` by proto name.
        messages: The mistakes found; where there are any, nothing else is.
    """

    descriptors: tuple[FileDescriptorProto, ...] = ()
    python: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])
    messages: tuple[ProtocMessage, ...] = ()


def compile_protos(texts: Mapping[str, str], names: Sequence[str]) -> Compiled:
    """Compile the files `names` out of `texts`, all by their proto names."""
    if not names:
        return Compiled()
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        root = Path(folder)
        for name, text in texts.items():
            _write(root / "in" / name, text)
        (root / "out").mkdir()
        run = _run_protoc(root, names)
        if run.returncode:
            return Compiled(messages=_all_messages(root, names, run))
        found = FileDescriptorSet.FromString((root / "set-1.bin").read_bytes())
        python = {name: (root / "out" / _python_path(name)).read_text(encoding="utf-8") for name in names}
    return Compiled(tuple(found.file), python)


def make_stubs(descriptors: Sequence[FileDescriptorProto], names: Sequence[str]) -> dict[str, str]:
    """Return the `_pb2.pyi` texts of the files `names` by proto name."""
    if not names:
        return {}
    request = plugin_pb2.CodeGeneratorRequest(
        file_to_generate=names, parameter="quiet", proto_file=[describable(file) for file in descriptors]
    )
    run = subprocess.run(
        [sys.executable, "-P", "-m", "mypy_protobuf.main"],
        input=request.SerializeToString(),
        capture_output=True,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"mypy-protobuf failed: {run.stderr.decode(errors='replace')}")
    response = plugin_pb2.CodeGeneratorResponse.FromString(run.stdout)
    return {name: file.content for name, file in zip(names, response.file, strict=True)}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _all_messages(root: Path, names: Sequence[str], first: _Run) -> tuple[ProtocMessage, ...]:
    """Return the messages about every file: a run over all of them ends at the first file that has any."""
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        single = [workers.submit(_run_protoc, root, [name], number) for number, name in enumerate(names)]
    runs = [first, *(run.result() for run in single)]
    failed = (run for run in runs if run.returncode)
    return tuple(dict.fromkeys(message for run in failed for message in _messages(run.stderr, run.returncode)))


def _run_protoc(root: Path, names: Sequence[str], number: int = -1) -> _Run:
    """Run protoc on the files `names`, as the run `number` of several at once."""
    arguments = f"arguments{number}"
    _write(root / arguments, "".join(f"{name}\n" for name in names))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=../out"]
    command += [
        f"--descriptor_set_out=../set{number}.bin",
        "--include_imports",
        "--include_source_info",
        f"@../{arguments}",
    ]
    return subprocess.run(  # noqa: S603
        command, cwd=root / "in", capture_output=True, encoding="utf-8", errors="replace", check=False
    )


def _python_path(name: str) -> str:
    """Return where protoc writes the module of a file."""
    return f"{name.removesuffix('.proto').replace('-', '_').replace('.', '/')}_pb2.py"


def _messages(text: str, code: int) -> tuple[ProtocMessage, ...]:
    found = tuple(
        ProtocMessage(match["name"], int(match["line"] or 1), int(match["column"] or 1), match["text"])
        for match in _MESSAGE.finditer(text)
        if not match["text"].startswith("warning:")
    )
    last = text.strip().rpartition("\n")[2]
    return found or (ProtocMessage("", 1, 1, last or f"protoc ended with exit code {code}"),)

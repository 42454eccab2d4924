"""The generator as a plugin of protoc."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from oiafed_gen.protoc_plugin import respond

from tests.golden.cases import FOLDER, expected

CASES = [
    folder
    for folder in sorted(FOLDER.iterdir())
    if (folder / "expected").is_dir() and not any((folder / "schema").rglob("*.yaml"))
]


@pytest.fixture(name="plugin", scope="module")
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("bin") / "protoc-gen-oiafed"
    paths = ":".join(path for path in sys.path if path)
    code = "from oiafed_gen.cli import plugin; plugin()"
    script.write_text(f"#!/bin/sh\nPYTHONPATH={paths} exec {sys.executable} -c '{code}' \"$@\"\n")
    script.chmod(0o755)
    return script


def _protoc(
    schema: Path, output: Path, plugin: Path, *options: str, only: str = "*"
) -> subprocess.CompletedProcess[str]:
    output.mkdir(exist_ok=True)
    subprocess.run([plugin, "--export", output.parent / "include"], check=True)
    names = sorted(path.relative_to(schema).as_posix() for path in schema.rglob(f"{only}.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--plugin=protoc-gen-oiafed={plugin}", "-I", str(schema)]
    command += ["-I", str(output.parent / "include"), f"--oiafed_out={output}", *options, *names]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_writes_what_the_command_writes(case: Path, plugin: Path, tmp_path: Path) -> None:
    done = _protoc(case / "schema", tmp_path / "out", plugin)
    assert (done.returncode, done.stderr) == (0, "")
    found = {path.relative_to(tmp_path / "out").as_posix(): path.read_text() for path in _files(tmp_path / "out")}
    assert found == {name: text for name, text in expected(case).texts.items() if not name.endswith(".proto")}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_mistakes_are_told_with_their_place(plugin: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema"
    (schema / "b").mkdir(parents=True)
    (schema / "b/b.proto").write_text('syntax = "proto3";\npackage b.v1;\nmessage M {}\n')
    (schema / "a.proto").write_text(
        'syntax = "proto3";\npackage a.v1;\nimport "b/b.proto";\nimport "oiafed/v1/options.proto";\n'
        "message Q { b.v1.M m = 1; }\n"
        'service S {\n  rpc Go(Q) returns (Q) {\n    option (oiafed.v1.method) = { errors: "Nowher" };\n  }\n}\n'
        'option (oiafed.v1.python) = "not-a-name";\n'
    )
    done = _protoc(schema, tmp_path / "out", plugin, only="a")
    assert done.returncode == 1
    assert "a.proto:7:3: error[unknown-error]: unknown error 'Nowher'" in done.stderr
    assert "a.proto:1:1: error[bad-name]: 'not-a-name' cannot name a Python package" in done.stderr
    assert "a.proto:3:1: error[unknown-import]: 'b/b.proto' is not among the files to generate" in done.stderr
    assert not _files(tmp_path / "out")


def test_proto2_is_refused(plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.proto").write_text('syntax = "proto2";\npackage a.v1;\nmessage M {}\n')
    done = _protoc(tmp_path / "schema", tmp_path / "out", plugin)
    assert 'a.proto:1:1: error[proto-syntax]: only syntax = "proto3" is supported' in done.stderr


def test_an_unknown_option(plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.proto").write_text('syntax = "proto3";\npackage a.v1;\nmessage M {}\n')
    done = _protoc(tmp_path / "schema", tmp_path / "out", plugin, "--oiafed_opt=colour=red")
    assert "there is no option 'colour=red'" in done.stderr


def test_a_request_of_nothing() -> None:
    response = respond(CodeGeneratorRequest())
    assert not response.error
    assert list(response.file) == []
    assert response.supported_features == CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL


def test_started_by_hand(plugin: Path) -> None:
    done = subprocess.run([plugin], input=b"hello", capture_output=True, check=False)
    assert done.returncode == 1
    assert b"run oiafed-gen instead" in done.stderr


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([{"name": "x", "number": 1, "type": 11, "type_name": ".nope"}], "nope"),
        ([{"name": "x", "number": 1, "type": 5, "label": 1, "oneof_index": 7}], "oneof_index"),
        ([{"name": "x", "number": 0, "type": 5, "label": 1}], "invalid field number"),
    ],
)
def test_descriptors_that_protoc_would_not_make(fields: list[dict[str, object]], told: str) -> None:
    file = FileDescriptorProto(name="a.proto", package="a.v1", syntax="proto3")
    file.message_type.add(name="M", field=fields)  # type: ignore[arg-type]
    answer = respond(CodeGeneratorRequest(file_to_generate=["a.proto"], proto_file=[file]))
    assert "descriptors that protoc would not make" in answer.error
    assert told in answer.error


def test_a_file_that_is_not_there() -> None:
    answer = respond(CodeGeneratorRequest(file_to_generate=["a.proto"]))
    assert answer.error == "the request has no descriptor of 'a.proto', which is to be generated"

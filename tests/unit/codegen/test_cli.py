"""The command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen import tools
from oiafed_gen.cli.command import command as main

ROOT = Path(__file__).resolve().parents[3]


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_bytes_wherever_the_schema_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "two/deeper"):
        shutil.copytree(ROOT / "schema", tmp_path / place / "schema")
        monkeypatch.chdir(tmp_path / place)
        assert _run("schema/").exit_code == 0
    assert _content(tmp_path / "one/generated") == _content(tmp_path / "two/deeper/generated")


def test_check(tmp_path: Path) -> None:
    schema, output = str(ROOT / "schema"), tmp_path / "out"
    missing = _run(schema, "-o", str(output), "--check")
    assert missing.exit_code == 1
    assert "+++ b/federation/v1/learner.py" in missing.stdout
    assert not output.exists()
    assert _run(schema, "-o", str(output)).exit_code == 0
    assert (_run(schema, "-o", str(output), "--check").exit_code, _run(schema, "-o", str(output)).stdout) == (0, "")


def test_mistakes_are_printed_with_the_path_as_given_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.yaml").write_text("package: a.v1\ntypes: {T: {fields: {a: Nothing}}}\n")
    result = _run(f"{tmp_path}/s/", "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    first, *excerpt = result.stderr.splitlines()
    assert first == f"{tmp_path}/s/a.yaml:2:25: error[unknown-type]: unknown type 'Nothing'"
    assert excerpt == [" 2 | types: {T: {fields: {a: Nothing}}}", "   |                         ^^^^^^^"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["nowhere", "file.yaml"])
def test_what_is_no_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").touch()
    result = _run(str(tmp_path / name))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{tmp_path / name}:1:1: ")


def test_output_inside_the_schema_folder_is_not_read_as_schema(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("package: a.v1\ntypes: {T: {}}\n")
    for _ in range(2):
        assert _run(str(tmp_path), "-o", str(tmp_path / "generated")).exit_code == 0


@pytest.mark.parametrize("output", ["schema", "schema/generated", "."])
def test_output_in_places_that_hold_other_things(output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.yaml").write_text(VALID)
    (tmp_path / "notes.py").write_text("# mine")
    for written in (8, 0):
        result = _run("schema", "-o", output)
        assert result.stderr == f"oiafed-gen: {Path(output)}: {written} written, 0 removed, {8 - written} unchanged\n"
    assert _run("schema", "-o", output, "--check").output == ""
    assert (tmp_path / "notes.py").read_text() == "# mine"


def test_a_schema_file_is_not_overwritten_by_its_copy(tmp_path: Path) -> None:
    text = 'syntax = "proto3";\npackage a.v1;\nmessage M {}\n'
    (tmp_path / "a.proto").write_text(text)
    result = _run(str(tmp_path), "-o", str(tmp_path))
    assert result.stderr.startswith(f"oiafed-gen: {tmp_path}/a.proto was not written by oiafed-gen")
    assert _content(tmp_path) == {"a.proto": text.encode()}


VALID = "package: a.v1\ntypes: {T: {fields: {a: int32}}}\n"


@pytest.fixture(name="schema")
def _schema(tmp_path: Path) -> Path:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "a.yaml").write_text(VALID)
    return folder


def test_what_was_written_is_told(schema: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert _run(str(schema), "-o", str(out)).stderr == f"oiafed-gen: {out}: 8 written, 0 removed, 0 unchanged\n"
    (schema / "a.yaml").write_text(VALID.replace("a.v1", "a.v2"))
    assert _run(str(schema), "-o", str(out)).stderr == f"oiafed-gen: {out}: 6 written, 6 removed, 2 unchanged\n"


def test_check_tells_the_remedy(schema: Path, tmp_path: Path) -> None:
    result = _run(str(schema), "-o", str(tmp_path / "my out"), "--check")
    assert result.stderr.endswith(f"is out of date; run: oiafed-gen {schema} -o '{tmp_path}/my out'\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("B.YAML", "error[file-name]: the file's name must end in lower case: .yaml, .yml or .proto"),
        (
            "x\nimport os.yaml",
            "error[file-name]: the file's name, or its folder's, has characters that cannot be printed; rename it",
        ),
        ("pipe.yaml", "error[unreadable-file]: this is not an ordinary file"),
        ("loop.yaml", "error[unreadable-file]: cannot be read: Too many levels of symbolic links"),
    ],
)
def test_odd_files(name: str, message: str, schema: Path, tmp_path: Path) -> None:
    match name:
        case "pipe.yaml":
            os.mkfifo(schema / name)
        case "loop.yaml":
            (schema / name).symlink_to(name)
        case _:
            (schema / name).write_text(VALID)
    result = _run(str(schema), "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert result.stderr == f"{schema}/{name.encode('unicode_escape').decode()}:1:1: {message}\n"


@pytest.mark.parametrize("blocked", ["a", "a/v1/types.py/x"])
def test_an_output_that_is_in_the_way(blocked: str, schema: Path, tmp_path: Path) -> None:
    path = tmp_path / "out" / blocked
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    result = _run(str(schema), "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"oiafed-gen: {tmp_path}/out/a")
    assert result.stderr.count("\n") == 1
    assert path.read_text() == "mine"


def test_a_tool_that_fails(schema: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho one >&2\necho it is broken >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(tools.sys, "executable", str(broken))
    result = _run(str(schema), "-o", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert result.stderr == "oiafed-gen: protoc failed: it is broken\n"


def test_protoc_breaking_down_is_told_of_the_file(schema: Path) -> None:
    text = 'syntax = "proto3"; package b.v1; import "oiafed/v1/options.proto";\n'
    text += 'message M { optional bytes a = 1 [(oiafed.v1.default) = "\\377"]; }\n'
    (schema / "b.proto").write_text(text)
    assert _run(str(schema)).stderr.startswith(
        f"{schema}/b.proto:1:1: error[protoc]: protoc fails on this file: String field"
    )


def test_without_the_generators_own_dependencies() -> None:
    code = "import sys; sys.modules['click'] = None; from oiafed_gen.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "schema"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("(click cannot be found); run: pip install 'oiafed-rpc[gen]'\n")
    assert done.stderr.count("\n") == 1

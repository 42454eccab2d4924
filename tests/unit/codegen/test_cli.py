"""The command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen.bootstrap import main as bootstrap
from oiafed_gen.command import command as main

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
    assert result.stderr == f"{tmp_path}/s/a.yaml:2:25: unknown type 'Nothing'\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["nowhere", "file.yaml"])
def test_what_is_no_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").touch()
    result = _run(str(tmp_path / name))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{tmp_path / name}:1:1: ")


def test_the_committed_output_is_what_the_schema_gives() -> None:
    assert _run(str(ROOT / "schema"), "-o", str(ROOT / "generated"), "--check").output == ""
    arguments = ["--check", "--schema", str(ROOT / "schema"), "--output", str(ROOT / "runtime")]
    assert CliRunner().invoke(bootstrap, arguments, catch_exceptions=False).output == ""


def test_output_inside_the_schema_folder_is_not_read_as_schema(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("package: a.v1\ntypes: {T: {}}\n")
    for _ in range(2):
        assert _run(str(tmp_path), "-o", str(tmp_path / "generated")).exit_code == 0

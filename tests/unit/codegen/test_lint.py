"""`--lint`: which rules run, and how the command ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli.command import command as main
from oiafed_gen.lint import RULES

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = "package: a\nroles: {r: {methods: {get_x: {returns: tensor}}}}\ntypes: {t: {fields: {Y: int32}}}\n"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(name="schema")
def _schema(tmp_path: Path) -> Path:
    folder = tmp_path / "schema"
    folder.mkdir()
    (folder / "a.yaml").write_text(SCHEMA)
    return folder


def _codes(result: Result) -> set[str]:
    return {each["code"] for each in json.loads(result.stdout)}


def test_findings_are_warnings_and_nothing_is_written(schema: Path) -> None:
    result = _run(schema, "--lint", "-o", schema.parent / "out")
    assert result.exit_code == 1
    assert "a.yaml:1:1: warning[package-version]: " in result.stderr
    assert "error[" not in result.stderr
    assert not (schema.parent / "out").exists()


def test_rules_can_be_left_out(schema: Path) -> None:
    found = _codes(_run(schema, "--lint", "--format", "json"))
    assert found == {
        *("package-version", "missing-doc", "naming", "unused-type", "tensor-timeout", "read-not-idempotent"),
    }
    assert _codes(_run(schema, "--lint", "--format", "json", "--ignore", "naming")) == found - {"naming"}
    everything = [part for code in RULES for part in ("--ignore", code)]
    assert (_run(schema, "--lint", *everything).exit_code, _run(schema, "--lint", *everything).stderr) == (0, "")


def test_packages_are_folders_of_python(schema: Path) -> None:
    (schema / "a.yaml").write_text("package: Shop.openHours.v1\nroles: {r: {doc: Is there., methods: {}}}\n")
    result = _run(schema, "--lint", "--ignore", "missing-doc")
    assert "the package 'Shop.openHours.v1' should be in snake_case: 'shop.open_hours.v1'" in result.stderr


def test_what_is_no_rule_cannot_be_left_out(schema: Path) -> None:
    result = _run(schema, "--lint", "--ignore", "unknown-type")
    assert result.exit_code == 2
    assert "'naming'" in result.stderr


def test_together_with_against_both_are_told_by_place(schema: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "a.yaml").write_text(SCHEMA.replace("Y: int32", "Y: string"))
    found = json.loads(_run(schema, "--lint", "--against", old, "--format", "json").stdout)
    assert {"changed-type", "naming"} <= {each["code"] for each in found}
    assert [each["line"] for each in found] == sorted(each["line"] for each in found)


def test_types_of_a_library_are_not_unused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("package: a.v1\ntypes: {T: {doc: A type., fields: {x: int32}}}\n")
    assert _run(tmp_path, "--lint").exit_code == 0


def test_mistakes_come_first(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("package: a\ntypes: {t: {fields: {x: Nix}}}\n")
    result = _run(tmp_path, "--lint")
    assert "unknown-type" in result.stderr
    assert "naming" not in result.stderr

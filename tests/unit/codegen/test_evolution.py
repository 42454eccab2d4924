"""`--against`: where the former schema comes from, which levels are told, and how the command ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli.command import command as main
from oiafed_gen.diagnostics import Problems
from oiafed_gen.evolution import compare
from oiafed_gen.generate import Resolved, resolve
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile, read_schema

from tests.golden.cases import CASES

OLD = "package: a.v1\ntypes:\n  T: {fields: {x: int32, y: string}}\n"
NEW = "package: a.v1\ntypes:\n  T: {fields: {x: int64, z: string}}\n"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def _write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def _git(folder: Path, *arguments: str) -> None:
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    environment = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


def _resolved(text: str) -> Resolved:
    return resolve([SchemaFile("a.yaml", text)], provided_files())


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Path:
    """A repository whose schema lies in a folder of it, with a commit tagged `v1`."""
    root = tmp_path / "repository"
    _write(root / "deep" / "schema", OLD)
    _write(root / "deep" / "schema" / "ünter", "package: b.v1\ntypes: {U: {fields: {x: int32}}}\n", "b c.yaml")
    _write(root / "deep" / "schema" / ".hidden", "no: schema\n")
    _write(root, "package: other.v1\n", "other.yaml")
    _git(root, "init", "-q")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "one")
    _git(root, "tag", "v1")
    return root


class TestAFolder:
    def test_every_break_is_told_and_nothing_is_written(self, tmp_path: Path) -> None:
        old, new = _write(tmp_path / "old", OLD), _write(tmp_path / "new", NEW)
        result = _run(new, "--against", old, "-o", tmp_path / "out")
        assert result.exit_code == 1
        told = [line.removeprefix(f"{new}/") for line in result.stderr.splitlines() if "error[" in line]
        assert told == [
            "a.yaml:3:16: error[changed-type]: in 'T', 'x' changed from int32 to int64 (JSON)",
            "a.yaml:3:26: error[renamed-field]: in 'T', field 2 was renamed from 'y' to 'z' (JSON, Python)",
        ]
        assert not (tmp_path / "out").exists()

    def test_nothing_breaks(self, tmp_path: Path) -> None:
        schema = _write(tmp_path / "new", NEW)
        result = _run(schema, "--against", schema)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "no breaking changes\n", "")

    @pytest.mark.parametrize(
        ("levels", "codes"),
        [
            (["wire"], []),
            (["json"], ["changed-type", "renamed-field"]),
            (["source"], ["renamed-field"]),
            (["wire", "source"], ["renamed-field"]),
        ],
    )
    def test_levels(self, levels: list[str], codes: list[str], tmp_path: Path) -> None:
        old, new = _write(tmp_path / "old", OLD), _write(tmp_path / "new", NEW)
        options = [part for level in levels for part in ("--level", level)]
        result = _run(new, "--against", old, "--format", "json", *options)
        assert [each["code"] for each in json.loads(result.stdout)] == codes
        assert result.exit_code == bool(codes)

    def test_a_changed_default_is_only_a_warning(self, tmp_path: Path) -> None:
        text = "package: a.v1\ntypes: {{T: {{fields: {{x: {{type: int32, default: {}}}}}}}}}\n"
        old, new = _write(tmp_path / "old", text.format(1)), _write(tmp_path / "new", text.format(2))
        result = _run(new, "--against", old)
        assert "warning[changed-default]" in result.stderr
        assert result.exit_code == 0

    def test_a_former_schema_with_mistakes_is_told_at_its_own_place(self, tmp_path: Path) -> None:
        old, new = (
            _write(tmp_path / "old", "package: a.v1\ntypes: {T: {fields: {a: Nix}}}\n"),
            _write(tmp_path / "n", NEW),
        )
        result = _run(new, "--against", old)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{old}/a.yaml:2:25: error[unknown-type]: ")
        missing = _run(new, "--against", tmp_path / "nowhere")
        assert "there is no such folder" in missing.stderr

    def test_with_check_both_are_looked_at(self, tmp_path: Path) -> None:
        schema = _write(tmp_path / "new", NEW)
        result = _run(schema, "--against", schema, "--check", "-o", tmp_path / "out")
        assert result.exit_code == 1
        assert "is out of date" in result.stderr

    def test_watching_writes(self, tmp_path: Path) -> None:
        result = _run(_write(tmp_path / "new", NEW), "--against", tmp_path, "--watch")
        assert result.exit_code == 2
        assert "--watch writes" in result.stderr


class TestGit:
    def test_the_schema_at_a_revision_wherever_the_command_runs(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _write(repository / "deep" / "schema", NEW)
        monkeypatch.chdir(repository / "deep" / "schema" / "ünter")
        for place in ("..", repository / "deep" / "schema"):
            result = _run(place, "--against", "git:v1")
            assert result.exit_code == 1
            assert result.stderr.count("error[") == 2
        assert "renamed" in _run("..", "--against", "git:HEAD", "--level", "source").stderr

    def test_at_the_top_of_a_repository(self, repository: Path) -> None:
        result = _run(repository, "--against", "git:v1")
        assert "error[" not in result.stderr
        assert result.stdout == "no breaking changes\n"

    def test_files_that_were_added_and_removed(self, repository: Path) -> None:
        schema = repository / "deep" / "schema"
        (schema / "ünter" / "b c.yaml").rename(schema / "b.yaml")
        assert _run(schema, "--against", "git:v1").stdout == "no breaking changes\n"
        (schema / "b.yaml").unlink()
        assert "the package 'b.v1' was removed" in _run(schema, "--against", "git:v1").stderr

    def test_links_are_followed(self, repository: Path) -> None:
        link = repository / "deep" / "schema" / "link.yaml"
        link.symlink_to("../../other.yaml")
        _git(repository, "add", "-A")
        _git(repository, "commit", "-q", "-m", "two")
        link.unlink()
        assert "the package 'other.v1' was removed" in _run(link.parent, "--against", "git:HEAD").stderr

    def test_also_inside_a_hook(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_DIR", ".git")
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
        assert _run(repository / "deep" / "schema", "--against", "git:v1").exit_code == 0

    def test_a_revision_without_git(self, repository: Path) -> None:
        result = _run(repository / "deep" / "schema", "--against", "v1")
        assert result.exit_code == 1
        assert result.stderr == "oiafed-gen: --against v1: there is no such folder; the revision is git:v1\n"

    @pytest.mark.parametrize("revision", ["v2", "", "--all", "v1 v1", "v1:deep"])
    def test_no_such_revision(self, revision: str, repository: Path) -> None:
        result = _run(repository / "deep" / "schema", "--against", f"git:{revision}")
        assert result.exit_code == 1
        assert f"has no revision '{revision}'" in result.stderr

    def test_a_folder_that_was_not_there(self, repository: Path) -> None:
        result = _run(_write(repository / "new", NEW), "--against", "git:v1")
        assert result.exit_code == 1
        assert "was not there at that revision" in result.stderr

    def test_no_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
        result = _run(_write(tmp_path / "new", NEW), "--against", "git:v1")
        assert result.exit_code == 1
        assert "is in no git repository" in result.stderr

    def test_no_git(self, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        schema = repository / "deep" / "schema"
        monkeypatch.setenv("PATH", str(repository))
        result = _run(schema, "--against", "git:v1")
        assert result.exit_code == 1
        assert "needs git, which is not installed" in result.stderr

    def test_mistakes_of_then_are_told_with_the_revision(self, repository: Path) -> None:
        schema = _write(repository / "deep" / "schema", "package: a.v1\ntypes: {T: {fields: {a: Nix}}}\n")
        _git(repository, "commit", "-qam", "two")
        _write(schema, NEW)
        result = _run(schema, "--against", "git:HEAD")
        assert result.stderr.startswith("git:HEAD/schema/a.yaml:2:25: error[unknown-type]: ")


@pytest.mark.parametrize("case", [case for case in CASES if (case / "expected").exists()], ids=lambda case: case.name)
def test_a_schema_breaks_nothing_of_itself(case: Path) -> None:
    problems = Problems()
    resolved = resolve(read_schema(case / "schema", problems), provided_files(), problems)
    assert compare(resolved, resolved) == ()


class TestParameters:
    METHOD = "package: a.v1\nroles: {{r: {{methods: {{m: {{params: {{{}}}}}}}}}}}\n"

    def codes(self, old: str, new: str) -> set[str]:
        return {each.code for each in compare(_resolved(self.METHOD.format(old)), _resolved(self.METHOD.format(new)))}

    def test_one_more_with_a_default(self) -> None:
        assert self.codes("a: int32", "a: int32, b: {type: int32, default: 1}") == set()
        assert self.codes("a: int32", "a: int32, b: optional int32") == set()

    def test_one_that_comes_between(self) -> None:
        old, new = "a: {type: int32, id: 1}, c: {type: int32, id: 3}", "b: {type: int32, id: 2, default: 1}"
        assert self.codes(old, f"a: {{type: int32, id: 1}}, {new}, c: {{type: int32, id: 3}}") == {"moved-parameter"}

    def test_one_that_goes(self) -> None:
        assert self.codes("a: int32, b: int32", "a: int32") == {"removed-field"}
        assert self.codes("a: int32, b: int32", "b: int32") == {"removed-field", "renumbered", "moved-parameter"}

    def test_one_that_streams(self) -> None:
        assert self.codes("a: int32", "a: stream int32") == {"changed-method"}


def test_a_type_that_moves_to_another_package() -> None:
    moved, kept = "  T: {fields: {x: int32, y: string}}\n", "  U: {fields: {x: int32}}\n"
    before, now = (
        resolve(
            [SchemaFile(f"{name}.yaml", f"package: {name}.v1\ntypes:\n{kept}{own}") for name, own in texts.items()],
            provided_files(),
        )
        for texts in ({"a": moved, "b": ""}, {"a": "", "b": moved})
    )
    told = "'T', a type, is 'T' in the Python package 'b.v1' now (Python)"
    assert [each.message for each in compare(before, now)] == [told]

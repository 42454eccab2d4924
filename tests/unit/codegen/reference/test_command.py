"""`oiafed-gen --docs DIR`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli.command import command

SCHEMA = "package: p.v1\nroles:\n  one: {methods: {m: {}}}\n  two: {methods: {m: {}}}\n"


@pytest.fixture(name="folder", autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.yaml").write_text(SCHEMA)
    return tmp_path


def _run(*more: str, docs: str = "site") -> Result:
    return CliRunner().invoke(command, ["schema", "-o", "out", "--docs", docs, *more], catch_exceptions=False)


def test_pages_are_written_and_those_no_longer_needed_removed(folder: Path) -> None:
    assert _run().exit_code == 0
    (folder / "site/roles/mine.html").write_text("<p>Mine</p>")
    before = (folder / "site/reference.css").stat().st_mtime_ns
    (folder / "schema/a.yaml").write_text(SCHEMA.replace("  two: {methods: {m: {}}}\n", ""))
    assert "1 removed" in _run().stderr.splitlines()[1]
    assert sorted(path.name for path in (folder / "site/roles").iterdir()) == ["mine.html", "p.v1.One.html"]
    assert (folder / "site/reference.css").stat().st_mtime_ns == before


def test_check_shows_what_is_out_of_date(folder: Path) -> None:
    _run()
    assert _run("--check").exit_code == 0
    page = folder / "site/index.html"
    page.write_text(page.read_text().replace("Roles", "Rolls"))
    result = _run("--check")
    assert result.exit_code == 1
    assert "Rolls" in result.stdout
    assert result.stderr.endswith("oiafed-gen: site is out of date; run: oiafed-gen schema -o out --docs site\n")


def test_pages_inside_the_output_folder_are_not_taken_for_modules(folder: Path) -> None:
    for _ in range(2):
        assert _run(docs="out/site").exit_code == 0
    assert _run("--check", docs="out/site").exit_code == 0
    assert CliRunner().invoke(command, ["schema", "-o", "out"]).exit_code == 0
    assert (folder / "out/site/index.html").exists()


def test_a_page_of_someone_else_is_not_overwritten(folder: Path) -> None:
    (folder / "site").mkdir()
    (folder / "site/index.html").write_text("<p>Mine</p>")
    result = _run()
    assert result.exit_code == 1
    assert "site/index.html was not written by oiafed-gen" in result.stderr
    assert (folder / "site/index.html").read_text() == "<p>Mine</p>"

"""`oiafed-gen init`: where it writes, and what it calls things."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli.command import command
from oiafed_gen.project.naming import distribution_of, package_of, problem_with
from oiafed_gen.project.render import project_files

ROOT = Path(__file__).resolve().parents[3]


def _init(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, ["init", *map(str, arguments)], catch_exceptions=False)


def _content(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("digits", "digits"),
        ("My Project-2", "my_project_2"),
        ("--x--", "x"),
        ("Überblick", "uberblick"),
        ("2fast", "fl_2fast"),
        ("numpy", "fl_numpy"),
        ("class", "fl_class"),
        ("tests", "fl_tests"),
        ("schema", "fl_schema"),
        ("联邦", "federation"),
        ("", "federation"),
    ],
)
def test_the_package_is_named_after_the_folder(folder: str, package: str) -> None:
    assert package_of(folder) == package
    assert problem_with(package) is None


@pytest.mark.parametrize("package", ["My", "a-b", "1a", "_a", "class", "numpy", "oiafed_rpc", "json", "tests", "é", ""])
def test_a_name_that_cannot_be_is_refused(package: str, tmp_path: Path) -> None:
    result = _init(tmp_path / "new", "--package", package)
    assert result.exit_code == 2
    assert f"{package!r} cannot be the package's name: " in result.stderr
    assert not (tmp_path / "new").exists()


def test_distributions_have_dashes() -> None:
    assert distribution_of("my__project_") == "my-project"


def test_the_files_depend_on_the_name_alone(tmp_path: Path) -> None:
    result = _init(tmp_path / "a b" / "some-thing")
    assert result.exit_code == 0
    files = _content(tmp_path / "a b" / "some-thing")
    assert files == project_files("some_thing")
    assert {"Makefile", ".gitignore", "schema/some_thing.yaml", "some_thing/learner.py"} <= files.keys()
    assert not [path for path, text in files.items() if "{{" in text]


def test_what_comes_next_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    lines = _init("my line").stdout.splitlines()
    assert lines[0] == "oiafed-gen: my line: a new project, 15 files, with the package 'my_line'"
    assert lines[2:5] == ["Next:", "  cd 'my line'", "  make install OIAFED=path/to/a/checkout/of/oiafed-rpc"]
    monkeypatch.setenv("VIRTUAL_ENV", "/some/where")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert _init(".").stdout.splitlines()[2:4] == ["Next:", "  make run        # train in one process"]
    assert (tmp_path / "here/here/learner.py").exists()


def test_a_repository_and_a_virtual_environment_may_be_there(tmp_path: Path) -> None:
    for name in (".git", ".venv"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text("mine")
    assert _init(tmp_path, "--package", "mine").exit_code == 0
    assert _content(tmp_path / ".git") == _content(tmp_path / ".venv") == {"config": "mine"}


@pytest.mark.parametrize("names", [["README.md"], ["a", "b", "c", "d", "e"], [".hidden"]])
def test_a_folder_that_is_not_empty_is_left_as_it_is(names: list[str], tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).write_text("mine")
    result = _init(tmp_path)
    assert result.exit_code == 1
    more = " and 2 more" if len(names) == 5 else ""
    told = f"{tmp_path} is not empty: it has {', '.join(names[:3])}{more}; name a new folder"
    assert result.stderr == f"oiafed-gen: {told}\n"
    assert _content(tmp_path) == dict.fromkeys(names, "mine")


def test_twice_is_refused(tmp_path: Path) -> None:
    assert _init(tmp_path / "x").exit_code == 0
    before = _content(tmp_path)
    assert _init(tmp_path / "x").exit_code == 1
    assert _content(tmp_path) == before


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    for place in (tmp_path / "x", tmp_path / "x" / "y"):
        result = _init(place)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"oiafed-gen: {tmp_path / 'x'}")
        assert result.stderr.count("\n") == 1
    assert (tmp_path / "x").read_text() == "mine"


def test_the_wheel_has_the_templates_and_the_plugin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        packed = {name for name in wheel.namelist() if "/project/files/" in name}
        (entries,) = (wheel.read(name).decode() for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    folder = ROOT / "codegen"
    files = {each.relative_to(folder).as_posix() for each in folder.rglob("project/files/**/*") if each.is_file()}
    assert packed == files
    assert "oiafed_rpc.testing.plugin = oiafed_rpc.testing.plugin" in entries


def test_help_names_it() -> None:
    shown = CliRunner().invoke(command, ["--help"]).stdout
    assert "init" in shown
    assert "DIR must be empty" in _init("--help").stdout

"""The command that generates, with others beside it; and what shells complete."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from oiafed_gen.cli.command import command as real
from oiafed_gen.cli.subcommands import FolderOrCommand, MainCommand


def _command() -> MainCommand:
    @click.command(cls=MainCommand, context_settings={"help_option_names": ["-h", "--help"]})
    @click.argument("schema", type=FolderOrCommand())
    @click.option("--check", is_flag=True)
    def main(schema: str, check: bool) -> None:
        click.echo(f"main {schema} {check}")

    @click.command()
    @click.argument("folder")
    @click.option("--name")
    def init(folder: str, name: str | None) -> None:
        """Set up a project."""
        click.echo(f"init {folder} {name}")

    main.add(init)
    return main


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("schema", "main schema False"),
        ("--check schema", "main schema True"),
        ("schema --check", "main schema True"),
        ("init folder --name x", "init folder x"),
        ("./init", "main ./init False"),
        ("--check init", "main init True"),
    ],
)
def test_the_first_word_decides(line: str, output: str) -> None:
    result = CliRunner().invoke(_command(), line.split(), catch_exceptions=False)
    assert (result.output, result.exit_code) == (f"{output}\n", 0)


def test_help_of_each() -> None:
    whole = CliRunner().invoke(_command(), ["-h"], prog_name="gen").output
    assert whole.startswith("Usage: gen [OPTIONS] SCHEMA")
    assert "Other commands:\n  init  Set up a project.\n" in whole
    assert (
        CliRunner().invoke(_command(), ["init", "-h"], prog_name="gen").output.startswith("Usage: gen init [OPTIONS]")
    )
    wrong = CliRunner().invoke(_command(), ["init"], prog_name="gen")
    assert wrong.exit_code == 2
    assert "Usage: gen init" in wrong.output
    assert CliRunner().invoke(_command(), []).exit_code == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gen in", ["plain,init", "dir,in"]),
        ("gen ", ["dir,"]),
        ("gen schema --c", ["plain,--check"]),
        ("gen --c", ["plain,--check"]),
        ("gen init --n", ["plain,--name"]),
    ],
)
def test_what_is_completed(words: str, offered: list[str]) -> None:
    env = {"_GEN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner().invoke(_command(), [], prog_name="gen", complete_var="_GEN_COMPLETE", env=env)
    assert result.output.split() == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_source(shell: str) -> None:
    env = {"_OIAFED_GEN_COMPLETE": f"{shell}_source"}
    result = CliRunner().invoke(real, [], prog_name="oiafed-gen", env=env)
    assert result.exit_code == 0
    assert "_OIAFED_GEN_COMPLETE" in result.output
    if shutil.which(shell):
        subprocess.run([str(shutil.which(shell)), "-n"], input=result.output, text=True, check=True)


def test_every_option_of_the_real_command_is_completed() -> None:
    env = {"_OIAFED_GEN_COMPLETE": "bash_complete", "COMP_WORDS": "oiafed-gen schema --", "COMP_CWORD": "2"}
    result = CliRunner().invoke(real, [], prog_name="oiafed-gen", env=env)
    long = {name for param in real.params for name in param.opts if name.startswith("--")}
    assert {line.partition(",")[2] for line in result.output.split()} == {*long, "--help"}


def test_a_folder_named_like_a_command_is_reached_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(real, ["./init"])
    assert "there is no such folder" in result.output


@pytest.mark.parametrize(
    "line",
    [("",), ("schema", "-o", ""), ("schema", "--docs", ""), ("schema", "--against", ""), ("init", "")],
    ids=" ".join,
)
def test_a_variable_that_is_not_set_is_not_the_current_folder(
    line: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.yaml").write_text("package: a.v1\ntypes: {T: {}}\n")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(real, line)
    assert (result.exit_code, [path.name for path in tmp_path.iterdir()]) == (2, ["schema"])
    assert "no name is given" in result.stderr


def test_a_folder_that_is_not_there_has_a_near_one_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema").mkdir()
    result = CliRunner().invoke(real, ["shema"])
    assert "there is no such folder; did you mean 'schema'?" in result.output

"""`--watch`."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from oiafed_gen.cli.command import command
from oiafed_gen.cli.watching import Watched, changes

VALID = "package: a.v1\ntypes: {T: {fields: {a: int32}}}\n"


class Script:
    """Stands for the time between two looks: what happens in each such moment."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)

    def __call__(self) -> None:
        if not self._steps:
            raise KeyboardInterrupt
        self._steps.pop(0)()


def _nothing() -> None: ...


def _seen(schema: Path, *steps: Callable[[], object]) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for told in changes(Watched((schema,), (".yaml", ".proto"), schema / "generated"), Script(*steps, _nothing)):
            found.append([each.replace(f"{schema}/", "") for each in told])
    except KeyboardInterrupt:
        return found
    raise AssertionError


@pytest.fixture(name="schema")
def _schema(tmp_path: Path) -> Path:
    schema = tmp_path / "schema"
    (schema / "b").mkdir(parents=True)
    (schema / "a.yaml").write_text(VALID)
    (schema / "b/b.yaml").write_text("b")
    return schema


def test_what_follows_closely_comes_as_one(schema: Path) -> None:
    def write(name: str, text: str) -> Callable[[], object]:
        return lambda: (schema / name).write_text(text)

    steps = [_nothing, write("a.yaml", "1"), write("c.proto", "22"), (schema / "b/b.yaml").unlink, _nothing]
    assert _seen(schema, *steps, write("a.yaml", "333"), _nothing) == [
        ["changed a.yaml", "removed b/b.yaml", "new c.proto"],
        ["changed a.yaml"],
    ]


def test_a_file_put_in_the_place_of_another(schema: Path) -> None:
    def save() -> None:
        (schema / "a.yaml~").write_text(VALID)
        stat = (schema / "a.yaml").stat()
        os.utime(schema / "a.yaml~", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        (schema / "a.yaml~").replace(schema / "a.yaml")

    assert _seen(schema, save, _nothing) == [["changed a.yaml"]]


def test_what_does_not_count(schema: Path) -> None:
    def write() -> None:
        for name in (".a.yaml.swp", ".git/x.yaml", "generated/a/wire/a.proto", "readme.md", ".hidden.yaml"):
            (schema / name).parent.mkdir(parents=True, exist_ok=True)
            (schema / name).touch()
        (schema / "loop.yaml").symlink_to("loop.yaml")

    assert _seen(schema, write, _nothing) == []


def test_a_folder_that_goes_and_comes_back(schema: Path, tmp_path: Path) -> None:
    away = tmp_path / "away"
    steps = [lambda: schema.rename(away), _nothing, _nothing, lambda: away.rename(schema), _nothing]
    both = ["a.yaml", "b/b.yaml"]
    assert _seen(schema, *steps) == [[f"removed {name}" for name in both], [f"new {name}" for name in both]]


def test_what_is_changed_back_in_a_moment(schema: Path) -> None:
    steps = [lambda: (schema / "c.yaml").touch(), (schema / "c.yaml").unlink, _nothing]
    assert _seen(schema, *steps) == []


@contextmanager
def _watching(schema: Path, output: Path) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[str]]]:
    """The command, and the lines that it tells."""
    arguments = [sys.executable, "-m", "oiafed_gen", str(schema), "-o", str(output), "--watch"]
    told: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        reader = threading.Thread(target=lambda lines: [told.put(line) for line in lines], args=(run.stderr,))
        reader.start()
        try:
            yield run, told
        finally:
            run.kill()
            reader.join()


def _until(told: queue.Queue[str], text: str) -> list[str]:
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        lines.append(told.get(timeout=60))
    return lines


def test_the_command_follows_changes_until_it_is_interrupted(schema: Path, tmp_path: Path) -> None:
    shutil.rmtree(schema / "b")
    out = tmp_path / "out"
    with _watching(schema, out) as (run, told):
        _until(told, "8 written")
        _until(told, f"waiting for changes in {schema}")
        (schema / "a.yaml").write_text(VALID.replace("int32", "int23"))
        assert _until(told, "^^^")[0].endswith(f"changed {schema}/a.yaml\n")
        assert "a: int32" not in (out / "a/v1/types.py").read_text()  # the former output stays
        schema.rename(tmp_path / "away")
        _until(told, "there is no such folder")
        (tmp_path / "away/a.yaml").write_text(VALID.replace("int32", "string"))
        (tmp_path / "away").rename(schema)
        _until(told, "written, 0 removed")
        assert "a: str" in (out / "a/v1/types.py").read_text()
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 0
    assert told.empty()


def test_watching_and_checking_exclude_each_other(schema: Path) -> None:
    result = CliRunner().invoke(command, [str(schema), "--watch", "--check"])
    assert result.exit_code == 2
    assert "give one of them" in result.stderr

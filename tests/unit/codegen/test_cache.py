"""Remembering what came of a schema."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import oiafed_gen.cli.running
import pytest
from click.testing import CliRunner, Result
from oiafed_gen.cli import cache
from oiafed_gen.cli.cache import Cache, cache_folder, digest_of
from oiafed_gen.cli.command import command
from oiafed_gen.provided import Provided
from oiafed_gen.sources import SchemaFile

SCHEMA = (SchemaFile("a.yaml", "package: a.v1\n"),)
PROVIDED = Provided({"x.proto": "x"})
VERSION = cache.importlib.metadata.version
TEXTS = {"a.py": "a = 1\n", "b.py": "b = 2\n"}


def test_it_knows_what_it_was_told(tmp_path: Path) -> None:
    assert not Cache(SCHEMA, PROVIDED, tmp_path).knows(TEXTS)
    Cache(SCHEMA, PROVIDED, tmp_path).keep(TEXTS)
    again = Cache(SCHEMA, PROVIDED, tmp_path)
    assert again.knows(dict(reversed(TEXTS.items())))
    for others in ({}, {**TEXTS, "a.py": "a = 2\n"}, {**TEXTS, "c.py": ""}, {"a.py": TEXTS["a.py"]}):
        assert not again.knows(others)


def _newer(newer: str, version: Callable[[str], str], name: str) -> str:
    if newer == "missing":
        raise cache.importlib.metadata.PackageNotFoundError
    return version(name) + "x" * (name == newer)


def test_anything_that_matters_makes_it_another_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(SCHEMA, PROVIDED, tmp_path).keep(TEXTS)
    assert not Cache((SchemaFile("a.yaml", "package: a.v2\n"),), PROVIDED, tmp_path).knows(TEXTS)
    assert not Cache((SchemaFile("b.yaml", "package: a.v1\n"),), PROVIDED, tmp_path).knows(TEXTS)
    assert not Cache(SCHEMA, Provided({"x.proto": "y"}), tmp_path).knows(TEXTS)
    for name in ("ruff", "mypy-protobuf", "grpcio-tools", "protobuf", "jinja2", "pyyaml", "missing"):
        with monkeypatch.context() as patch:
            patch.setattr(cache.importlib.metadata, "version", partial(_newer, name, VERSION))
            assert not Cache(SCHEMA, PROVIDED, tmp_path).knows(TEXTS)
    (tmp_path / "code").mkdir()
    monkeypatch.setattr(oiafed_gen, "__path__", [str(tmp_path / "code")])
    assert not Cache(SCHEMA, PROVIDED, tmp_path).knows(TEXTS)


def test_digests_tell_paths_from_texts() -> None:
    alike: list[dict[str, str]] = [{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "", "bc": ""}, {}]
    assert len({digest_of(texts) for texts in alike}) == len(alike)


def test_old_digests_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST", 3)
    for number in range(5):
        Cache((SchemaFile("a.yaml", str(number)),), PROVIDED, tmp_path).keep(TEXTS)
    assert len(list(tmp_path.iterdir())) == 3


def test_files_of_others_in_the_same_folder_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST", 1)
    theirs = [tmp_path / name for name in ("thesis.txt", "0123abcd")]
    for path in theirs:
        path.touch()
    Cache(SCHEMA, PROVIDED, tmp_path).keep(TEXTS)
    assert all(path.exists() for path in theirs)


def test_a_digest_that_is_no_text_is_not_the_one(tmp_path: Path) -> None:
    Cache(SCHEMA, PROVIDED, tmp_path).keep(TEXTS)
    next(tmp_path.iterdir()).write_bytes(b"\xff\xfe")
    assert not Cache(SCHEMA, PROVIDED, tmp_path).knows(TEXTS)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"OIAFED_GEN_CACHE": "/x"}, Path("/x")),
        ({"OIAFED_GEN_CACHE": ""}, None),
        ({"XDG_CACHE_HOME": "/c"}, Path("/c/oiafed-gen")),
    ],
)
def test_where_it_is_kept(environment: dict[str, str], folder: Path | None) -> None:
    assert cache_folder(environment) == folder


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/a.yaml").write_text("package: a.v1\ntypes: {T: {fields: {a: int32}}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OIAFED_GEN_CACHE", str(tmp_path / "cache"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command, ["schema", *arguments], catch_exceptions=False)

    assert run().exit_code == 0
    return run


def _refuse(*_: object) -> None:
    raise AssertionError("nothing was to be generated")


def test_nothing_is_generated_where_nothing_has_changed(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oiafed_gen.cli.running, "resolve", _refuse)
    assert (run("--check").output, run("--check", "--format", "json").output) == ("", "[]\n")
    assert run().stderr == "oiafed-gen: generated: 0 written, 0 removed, 8 unchanged\n"


def test_what_has_changed_is_seen(run: Any, tmp_path: Path) -> None:
    types = tmp_path / "generated/a/v1/types.py"
    right = types.read_text()
    types.write_text(right.replace("a: int", "a: str"))
    assert "+    a: int" in run("--check").stdout
    types.unlink()
    assert run("--check").exit_code == 1
    types.write_text(right)
    assert run("--check").exit_code == 0
    (tmp_path / "generated/stale.py").write_text(right)
    assert "--- a/stale.py" in run("--check").stdout
    assert "1 removed" in run().stderr
    (tmp_path / "schema/a.yaml").write_text("package: a.v1\ntypes: {T: {fields: {a: int23}}}\n")
    assert "error[unknown-type]" in run("--check").stderr


@pytest.mark.parametrize("kept", ["", "0" * 64])
def test_a_kept_digest_that_is_wrong(kept: str, run: Any, tmp_path: Path) -> None:
    (entry,) = (tmp_path / "cache").iterdir()
    entry.write_text(kept)
    assert (run("--check").output, run("--check").exit_code) == ("", 0)


def test_where_nothing_can_be_kept(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("OIAFED_GEN_CACHE", str(tmp_path / "file"))
    assert run("--check").exit_code == 0

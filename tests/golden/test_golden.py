"""What the generator makes of each golden schema, and that all of it type-checks and can be imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.cases import CASES, FOLDER, expected, run

ROOT = FOLDER.parents[1]
GOOD = [case for case in CASES if (case / "expected").exists()]
IMPORT_ALL = """
import importlib, pathlib, sys
for path in sorted(pathlib.Path(".").rglob("*.py")):
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_output_and_diagnostics(case: Path) -> None:
    outcome, wanted = run(case), expected(case)
    assert outcome.stderr == wanted.stderr
    assert outcome.texts == wanted.texts


@pytest.fixture(name="merged")
def _merged(tmp_path: Path) -> Path:
    """A folder that holds the output of all good cases; their packages all have different names."""
    for case in GOOD:
        shutil.copytree(case / "expected", tmp_path, dirs_exist_ok=True)
    return tmp_path


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}{os.pathsep}.", "MYPYPATH": str(ROOT / "runtime")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports(merged: Path) -> None:
    _run([sys.executable, "-W", "error", "-c", IMPORT_ALL], merged)


def test_roundtrips(merged: Path) -> None:
    """Random values of all types arrive, in calls of all methods too, with each serializer."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.roundtrip.exercise", str(merged), "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_mypy(merged: Path) -> None:
    options = ["--strict", "--explicit-package-bases", "--cache-dir=/dev/null", "--enable-error-code=deprecated"]
    _run([sys.executable, "-m", "mypy", *options, "."], merged)


def test_pyright(merged: Path) -> None:
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "venvPath": str(ROOT),
        "venv": ".venv",
        "extraPaths": [str(ROOT / "runtime")],
    }
    (merged / "pyrightconfig.json").write_text(json.dumps(settings))
    _run([sys.executable, "-m", "pyright", "."], merged)

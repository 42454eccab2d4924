"""Writing what was generated to a folder, and exercising it in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.typing.checkers import ROOT, mypy_errors, pyright_errors


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the texts below a folder."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def exercise(folder: Path, seed: int = 1) -> dict[str, list[str]]:
    """Import everything in a folder, send random values through it, and return its names on the wire."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "runtime"), str(ROOT)))}
    command = [sys.executable, "-m", "tests.roundtrip.exercise", str(folder), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    names: dict[str, list[str]] = json.loads(done.stdout)
    return names


def type_errors(folder: Path, scratch: Path) -> dict[str, set[int]]:
    """Return the lines below a folder in which mypy or pyright, both strict, find errors."""
    search = [folder, ROOT / "runtime"]
    return {**mypy_errors([folder], search, scratch / "cache"), **pyright_errors([folder], search, scratch)}

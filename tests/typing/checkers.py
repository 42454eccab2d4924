"""Running mypy and pyright, both strict, and reading where they found errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Errors = dict[str, set[int]]
"""The lines with errors, by the path of the file."""

_MYPY = re.compile(r"^(?P<path>.+?):(?P<line>\d+): error:", re.MULTILINE)


def mypy_errors(targets: Sequence[Path], search: Sequence[Path], cache: Path) -> Errors:
    """Return mypy's errors in the targets; `search` is where imports are looked for."""
    command = [sys.executable, "-m", "mypy", "--strict", "--explicit-package-bases", "--no-error-summary"]
    command += ["--enable-error-code=deprecated"]  # pyright's strict mode tells of it by itself
    command += ["--no-pretty", "--show-absolute-path", "--config-file=", f"--cache-dir={cache}"]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, search))}
    done = subprocess.run(
        [*command, *map(str, targets)], cwd=cache.parent, env=environment, capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    errors: Errors = {}
    for match in _MYPY.finditer(done.stdout):
        errors.setdefault(match["path"], set()).add(int(match["line"]))
    return errors


def pyright_errors(targets: Sequence[Path], search: Sequence[Path], folder: Path) -> Errors:
    """Return pyright's errors in the targets; `folder` takes its settings."""
    settings = {
        "include": [str(target) for target in targets],
        "extraPaths": [str(path) for path in search],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    project = folder / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--project", str(project)]
    command += ["--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    errors: Errors = {}
    for found in json.loads(done.stdout)["generalDiagnostics"]:
        if found["severity"] == "error":
            errors.setdefault(found["file"], set()).add(found["range"]["start"]["line"] + 1)
    return errors

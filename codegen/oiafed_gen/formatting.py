"""Formatting generated Python with ruff, by settings of its own wherever it runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_COMMAND = [sys.executable, "-P", "-m", "ruff", "format", "--isolated", "--quiet", "--no-cache"]
_STYLE = ["--line-length", "120", "--target-version", "py311"]


def format_python(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the formatted texts under the same names."""
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        paths = {name: Path(folder, f"{number}.py") for number, name in enumerate(texts)}
        for name, path in paths.items():
            path.write_text(texts[name], encoding="utf-8", newline="\n")
        command = [*_COMMAND, *_STYLE, folder]
        run = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
        if run.returncode:
            raise RuntimeError(f"ruff cannot format what was generated: {run.stderr}")
        return {name: path.read_text(encoding="utf-8") for name, path in paths.items()}

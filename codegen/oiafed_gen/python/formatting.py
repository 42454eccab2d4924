"""Formatting generated Python with ruff, by settings of its own wherever it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from oiafed_gen.tools import ToolError, complaint, run_module

_OPTIONS = ["--isolated", "--quiet", "--no-cache"]
_STYLE = ["--line-length", "120", "--target-version", "py311"]


def format_python(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the formatted texts under the same names."""
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        paths = {name: Path(folder, f"{number}.py") for number, name in enumerate(texts)}
        for name, path in paths.items():
            path.write_text(texts[name], encoding="utf-8", newline="\n")
        run = run_module("ruff", ["format", *_OPTIONS, *_STYLE, folder])
        if run.returncode:
            raise ToolError(f"ruff cannot format what was generated: {complaint(run)}")
        return {name: path.read_text(encoding="utf-8") for name, path in paths.items()}

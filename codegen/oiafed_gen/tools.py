"""Running other programs: protoc, mypy-protobuf and ruff, by the interpreter that runs the generator."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_NEEDED = ("click", "jinja2", "grpc_tools", "mypy_protobuf", "ruff")


class ToolError(Exception):
    """A program that the generator needs is missing or failed; no schema is to blame for that."""


def missing_tools() -> list[str]:
    """Return what the generator needs beyond the runtime and is not installed."""
    return [name for name in _NEEDED if not _installed(name)]


def run_module(
    module: str, arguments: Sequence[str] = (), *, folder: Path | None = None, data: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m module` with `data` on its standard input, and return how it ended.

    Raises:
        ToolError: The program could not be started, or a signal ended it.
    """
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        run = subprocess.run(command, cwd=folder, input=data, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise ToolError(f"{module} cannot be run: {error}") from error
    if run.returncode < 0:
        raise ToolError(f"{module} was ended by signal {-run.returncode}")
    return run


def complaint(run: subprocess.CompletedProcess[bytes]) -> str:
    """Return the last line that a program wrote as it failed."""
    lines = run.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it ended with exit code {run.returncode}"


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False

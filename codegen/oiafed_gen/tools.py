"""Running other programs: protoc, mypy-protobuf and ruff, by the interpreter that runs the generator."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

_NEEDED = ("click", "jinja2", "grpc_tools", "mypy_protobuf", "ruff")
_LOGGED = re.compile(r"^E\d{4} [^\]]*\] (.*\S)", re.MULTILINE)  # as Google's programs do


class ToolError(Exception):
    """A program that the generator needs is missing or failed; no schema is to blame for that."""


def missing_tools() -> list[str]:
    """Return what the generator needs beyond the runtime and is not installed."""
    return [name for name in _NEEDED if not _installed(name)]


def run_module(
    module: str, arguments: Sequence[str] = (), *, folder: Path | None = None, data: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m module` with `data` on its standard input, and return how it ended.

    The input is a file: a pipe takes thousands of small writes, and other threads that are busy delay each of them.

    Raises:
        ToolError: The program could not be started.
    """
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        with tempfile.TemporaryFile() as given:
            given.write(data)
            given.seek(0)
            return subprocess.run(command, cwd=folder, stdin=given, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise ToolError(f"{module} cannot be run: {error}") from error


def complaint(run: subprocess.CompletedProcess[bytes]) -> str:
    """Return why a program failed: the first error that it logged, or the last line that it wrote."""
    text = run.stderr.decode(errors="replace").strip()
    logged = _LOGGED.search(text)
    if logged:
        return logged[1]
    how = f"exit code {run.returncode}" if run.returncode >= 0 else f"signal {-run.returncode}"
    return text.splitlines()[-1] if text else f"it ended with {how}"


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):  # the latter for a module that was put out of reach
        return False

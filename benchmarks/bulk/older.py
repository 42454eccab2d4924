"""The environment of OiaFed 0.2.3, made when it is first needed."""

from __future__ import annotations

import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from benchmarks.bulk.failure import ContenderError

FOLDER = Path(__file__).resolve().parents[2] / ".bench-env"
_PACKAGE = "oiafed==0.2.3"
_NEEDS = ["grpcio", "protobuf", "pyyaml", "loguru", "omegaconf", "toml", "numpy"]
"""What its communication layer imports. The whole package asks for torch as well: gigabytes that nothing here uses."""


def _install(*arguments: str) -> None:
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *arguments], check=True, capture_output=True, timeout=300)  # noqa: S603


@cache
def python_of_older() -> str:
    """The Python that has it.

    Raises:
        ContenderError: where it can't be installed, from the package index for instance.
    """
    python, done = FOLDER / "bin" / "python", FOLDER / ".installed"
    if done.exists():
        return str(python)
    print(f"making {FOLDER.name} with {_PACKAGE}, once", file=sys.stderr)
    try:
        venv.create(FOLDER, with_pip=True, clear=True)
        _install("--no-deps", _PACKAGE)
        _install(*_NEEDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise ContenderError(f"{_PACKAGE} can't be installed: {type(error).__name__}") from error
    done.touch()
    return str(python)

"""A project that `oiafed-gen init` sets up: every command of its Makefile, with this interpreter."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="a project's commands are in a Makefile")
LEARNED = "round 5: loss 0.010, slope 1.99, offset 1.01"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "my-line"
    made = _run(folder.parent, sys.executable, "-m", "oiafed_gen", "init", folder.name)
    assert made.returncode == 0, made.stderr
    assert _make(folder, "generate").returncode == 0
    return folder


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **_ports(), "PYTEST_PLUGINS": "oiafed_rpc.testing.plugin"}
    for outer in ("PYTEST_ADDOPTS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # these tests may be run by make themselves
        environment.pop(outer, None)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _run(folder, "make", f"PYTHON={sys.executable}", *arguments)


def _ports() -> dict[str, str]:
    """Ports that are free, for the learners' configurations."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {f"LEARNER_{n}_PORT": str(each.getsockname()[1]) for n, each in enumerate(sockets)}


def test_it_trains_in_memory(project: Path) -> None:
    done = _make(project, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "learners: learner_0 (memory), learner_1 (memory)"
    assert done.stdout.splitlines()[-1] == LEARNED


def test_it_trains_as_processes(project: Path) -> None:
    done = _make(project, "processes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("learners: learner_0 (127.0.0.1:")
    assert done.stdout.splitlines()[-1] == LEARNED
    assert "Traceback" not in done.stderr


def test_its_tests_pass_over_everything(project: Path) -> None:
    done = _make(project, "test", "TRANSPORT=all")
    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout


def test_its_checks_pass(project: Path) -> None:
    done = _make(project, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success" in done.stdout
    pyright = _run(project, sys.executable, "-m", "pyright", "-p", ".", "--pythonpath", sys.executable)
    assert pyright.returncode == 0, pyright.stdout
    written = [path for path in ("my_line", "tests") for path in sorted(project.joinpath(path).glob("*.py"))]
    style = ("-m", "ruff", "format", "--isolated", "--line-length=120", "--check")
    ruff = _run(project, sys.executable, *style, *map(str, written))
    assert ruff.returncode == 0, ruff.stdout


def test_its_help_and_what_is_missing(project: Path) -> None:
    assert "make processes" in _make(project, "help").stdout
    assert "make install OIAFED=path/to/oiafed-rpc" in _run(project, "make", "install").stderr
    without = _run(project, "make", "PYTHON=/usr/bin/false", "run")
    assert without.returncode != 0
    assert "has no oiafed-rpc: activate a virtual environment" in without.stderr
    usage = _run(project, sys.executable, "-m", "my_line")
    assert (usage.returncode, usage.stderr) == (1, "usage: python -m my_line CONFIG...\n")

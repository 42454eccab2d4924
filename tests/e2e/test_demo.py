"""The demo as its users run it: it learns, both runs agree, and nothing stays behind, also when something fails."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.demos import PROC, ROOT, Demo, demo

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="finds processes through /proc")


def wait_until_gone(running: Demo, timeout: float) -> dict[int, str]:
    deadline = time.monotonic() + timeout
    while (left := running.processes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@contextmanager
def taken_port(offset: int) -> Iterator[int]:
    """The first of some ports of which the one at `offset` is taken."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1] - offset


def test_both_runs_learn_and_end_with_the_same_weights() -> None:
    with demo() as running:
        code, stdout, stderr = running.result(timeout=90)
        assert (code, stderr) == (0, "")
        assert not running.processes()
    accuracies = [float(found) for found in re.findall(r"round +20 of 20: accuracy (\d\.\d+)", stdout)]
    assert len(accuracies) == 2
    assert accuracies[0] == accuracies[1] >= 0.90
    last = re.search(r"^ *20 +(\d\.\d+) +\d\.\d+ +(\d\.\d+) +\d\.\d+ *$", stdout, re.MULTILINE)
    assert last
    assert [float(found) for found in last.groups()] == accuracies
    hashes = re.findall(r"SHA-256 .*: +([0-9a-f]{64})", stdout)
    assert len(hashes) == 2
    assert len(set(hashes)) == 1
    assert "bit-identical" in stdout
    assert stdout.count("-   mode: memory") == stdout.count("+   mode: grpc") == 3


def test_the_configurations_differ_in_one_line() -> None:
    folder = ROOT / "examples" / "fedavg" / "configs"
    names = sorted(path.name for path in (folder / "memory").iterdir())
    assert names == sorted(path.name for path in (folder / "grpc").iterdir())
    for name in names:
        memory = (folder / "memory" / name).read_text().splitlines()
        grpc = (folder / "grpc" / name).read_text().splitlines()
        assert len(memory) == len(grpc)
        assert [pair for pair in zip(memory, grpc, strict=True) if pair[0] != pair[1]] == [
            ("  mode: memory", "  mode: grpc")
        ]


@pytest.mark.parametrize("victim", ["--part 2", "trainer.yaml"])
def test_a_killed_node_ends_the_demo_with_its_name(victim: str) -> None:
    with demo("--only", "grpc", "--rounds", "100") as running:
        running.read_until("round   2 of 100")
        os.kill(running.find(victim), signal.SIGKILL)
        code, _, stderr = running.result(timeout=30)
        name = "trainer" if "trainer" in victim else "learner_2"
        assert code == 1
        assert f"error: the process of {name} was killed by signal 9" in stderr
        assert "Traceback" not in stderr
        assert not running.processes()


def test_a_port_in_use_ends_the_demo_with_a_clear_error() -> None:
    with taken_port(offset=1) as first, demo("--only", "grpc", "--rounds", "1", "--port", str(first)) as running:
        code, _, stderr = running.result(timeout=60)
        assert code == 1
        assert "error: the process of learner_1 ended with exit code 1" in stderr
        assert f"127.0.0.1:{first + 1}" in stderr
        assert "in use" in stderr
        assert not running.processes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_takes_its_processes_along(number: signal.Signals) -> None:
    with demo("--only", "grpc", "--rounds", "100") as running:
        running.read_until("round   1 of 100")
        running.process.send_signal(number)
        code, _, stderr = running.result(timeout=30)
        assert code == 130
        assert "Traceback" not in stderr
        assert not running.processes()


def test_a_killed_demo_leaves_no_process_behind() -> None:
    with demo("--only", "grpc", "--rounds", "100") as running:
        running.read_until("round   1 of 100")
        running.process.kill()
        assert not wait_until_gone(running, timeout=30)

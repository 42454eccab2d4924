"""The example of three layers: it trains over learners that only dial out, and ends with all its processes."""

from __future__ import annotations

import os
import re
import signal

import pytest

from tests.e2e.demos import PROC, demo

pytestmark = pytest.mark.skipif(not PROC.exists(), reason="finds processes through /proc")


def _layers(*arguments: str) -> tuple[str, ...]:
    return ("--aggregators", "2", "--leaves", "4", *arguments)


def test_it_learns_through_aggregators() -> None:
    with demo(*_layers("--rounds", "2"), module="examples.hierarchy") as running:
        code, stdout, stderr = running.result(timeout=90)
        assert (code, stderr) == (0, "")
        assert not running.processes()
    assert "1 trainer, 2 aggregators, 4 learners" in stdout
    accuracies = [float(found) for found in re.findall(r"round \d of 2: accuracy (\d\.\d+)", stdout)]
    assert len(accuracies) == 2
    assert accuracies[-1] > 0.7


def test_a_killed_layer_ends_it_with_its_name() -> None:
    with demo(*_layers("--rounds", "500"), module="examples.hierarchy") as running:
        running.read_until("round 1 of 500")
        os.kill(running.find("--number 1"), signal.SIGKILL)
        code, _, stderr = running.result(timeout=60)
        assert code == 1
        assert "error: the process of aggregator_1 was killed by signal 9" in stderr
        assert "Traceback" not in stderr
        assert not running.processes()

"""The bars that rich draws, and what is said where there is no rich."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from typing import Any

from oiafed_rpc import Transfer
from oiafed_rpc.progress_bar import ProgressBar
from rich.console import Console


def _transfer(number: int, done: int, node_id: str = "learner_0", **others: Any) -> Transfer:
    values: dict[str, Any] = {"sending": True, "moved": done, "wire": done, "seconds": 0.5, "lane": "socket", **others}
    return Transfer(node_id, "federation.v1.Learner/Fit", done=done, total=100_000_000, number=number, **values)


def _drawn(*transfers: Transfer) -> list[str]:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with ProgressBar(console) as bar:
        for transfer in transfers:
            bar(transfer)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    lines = [" ".join(line.split()) for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines()]
    return [line for line in lines if "/s" in line or "stopped" in line]


def test_each_node_and_direction_has_a_bar() -> None:
    lines = _drawn(
        _transfer(1, 50_000_000),
        _transfer(2, 25_000_000, sending=False, wire=12_500_000),
        _transfer(3, 100_000_000, "learner_1", over=True),
    )[-3:]
    assert [line.split("━")[0].strip() for line in lines] == ["Fit → learner_0", "Fit ← learner_0", "Fit → learner_1"]
    assert "50.0/100.0 MB 100 MB/s" in lines[0]
    assert "25.0/100.0 MB 50 MB/s, 2.00 times smaller" in lines[1]
    assert "100.0/100.0 MB 200 MB/s" in lines[2]


def test_the_next_transfer_takes_the_bar_of_the_former() -> None:
    lines = _drawn(_transfer(1, 100_000_000, over=True), _transfer(2, 40_000_000))
    assert sum("Fit → learner_0" in line for line in lines[-2:]) == len(lines[-2:])
    assert "40.0/100.0 MB" in lines[-1]


def test_in_words_it_says_how_far_it_is() -> None:
    assert str(_transfer(1, 40_000_000)).startswith("40 MB of 100 MB in ")
    assert str(_transfer(1, 100_000_000, over=True)).startswith("100 MB in ")


def test_a_transfer_that_fails_says_so() -> None:
    assert "stopped: ConnectionError" in _drawn(_transfer(1, 1, over=True, error=ConnectionError("cut")))[-1]


def test_without_rich_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['rich.console'] = None; import oiafed_rpc.progress_bar"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "oiafed_rpc.progress_bar needs rich" in done.stderr
    assert "pip install 'oiafed-rpc[progress]'" in done.stderr

"""The benchmark of large payloads: what it makes of what it measures, and its processes."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import msgspec
import pytest

from benchmarks.bulk import table
from benchmarks.bulk.__main__ import main
from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.goals import verdicts
from benchmarks.bulk.keeping import renew, write
from benchmarks.bulk.picture import draw
from benchmarks.bulk.processes import field
from benchmarks.bulk.results import Part, Results, Series, ratios
from benchmarks.bulk.turns import take_turns


def _results(socket: float = 0.05) -> Results:
    series = [
        Series(size=100, contender="raw-tcp", values=[0.04, 0.05, 0.06]),
        Series(size=100, contender="socket", values=[socket, socket, socket], lane="socket"),
        Series(size=100, contender="oiafed", failed="ValueError: <too> large"),
    ]
    part = Part(when="2026-01-01 00:00", load=0.0, took=1.0, series=series)
    return Results(machine={"CPUs": "2"}, parts={"one-way": part})


def test_ratios_are_those_of_the_rounds() -> None:
    assert ratios([1.0, 4.0, 9.0], [1.0, 2.0, 3.0]) == (2.0, 1.5, 2.5)
    assert ratios([3.0], [1.0, 1.0]) == (3.0, 3.0, 3.0)


def test_a_goal_is_met_where_the_median_is() -> None:
    (met,) = verdicts(_results())
    assert (met.work, met.goal, met.met) == ("100 MB one way, socket lane", "≥ 0.85 x raw TCP", True)
    assert not verdicts(_results(0.1))[0].met


def test_the_table_tells_why_there_is_nothing() -> None:
    text = "\n".join(table.lines("one-way", _results().parts["one-way"]))
    assert "none: ValueError: <too> large" in text
    assert "1.00 x raw TCP's time (0.92 to 1.12)  [socket]" in text


def test_the_picture_is_xml() -> None:
    drawn = ElementTree.fromstring(draw(_results()))
    assert "none: ValueError: <too> large" in [element.text for element in drawn.iter()]


def test_parts_that_were_not_measured_stay(tmp_path) -> None:
    part = _results().parts["one-way"]
    write(Results(machine={}, parts={"small": part, "one-way": part}), tmp_path / "results.json")
    assert set(renew(_results(0.1), tmp_path).parts) == {"small", "one-way"}
    kept = msgspec.json.decode((tmp_path / "results.json").read_bytes(), type=Results)
    assert kept.series("one-way", "socket", 100).values == [0.1, 0.1, 0.1]


def test_the_first_turn_does_not_count_but_for_who_is_slow() -> None:
    turns: list[str] = []

    def act(name: str) -> list[float]:
        turns.append(name)
        if name == "failing":
            raise ContenderError("can't")
        until = time.monotonic() + (0.02 if name == "slow" else 0.0)
        while time.monotonic() < until:
            pass
        return [float(len(turns))]

    names = ("quick", "slow", "failing")
    outcomes = take_turns({name: lambda name=name: act(name) for name in names}, rounds=2, budget=60, slow=0.02)
    assert [outcomes[name].rounds for name in names] == [[[4.0], [5.0]], [[2.0]], []]
    assert outcomes["failing"].failed == "can't"


@pytest.mark.parametrize("name", ["raw-tcp", "raw-unix", "two-copy", "grpc-aio", "stream"])
def test_a_contender_moves_arrays_between_processes(name: str) -> None:
    with field(receivers=2) as there:
        client = there.start(name)
        client.ask("prepare", nbytes=9 * 1024 * 1024 + 4)
        for way in ("small", "send", "echo", "broadcast"):
            took = client.ask("move", way=way, repeats=2)
            assert [len(each) for each in took] == [2, 2]
        assert client.ask("mark") > 0
        with pytest.raises(ContenderError, match="KeyError"):
            client.ask("move", way="nowhere", repeats=1)


def test_what_is_unknown_is_named(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "no part 'nothing': there are small, one-way" in capsys.readouterr().err

"""What is to be reached, and whether it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from benchmarks.bulk.eight_gigabytes import UNITS as EIGHT
from benchmarks.bulk.fairness import UNITS as FAIRNESS
from benchmarks.bulk.footprint import FROM_MAP, RECEIVER, SENDER
from benchmarks.bulk.results import Results, Series, Spread, ratios, spread

_TIMES = "x"
_SHORT = {"raw-tcp": "raw TCP", "two-copy": "two copies", "grpc-aio": "grpc.aio"}


class Goal(NamedTuple):
    """Something to be reached.

    Attributes:
        work: What is done.
        than: What it is compared with, or in what it is measured.
        bound: How much of that there is to be.
        most: Whether there may be no more than the bound, rather than no less.
        unit: Of the bound.
        measured: What there is, of some results; None where they do not say.
    """

    work: str
    than: str
    bound: float
    most: bool
    unit: str
    measured: Callable[[Results], Spread | None]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a goal.

    Attributes:
        work: What was done.
        goal: What was to be reached.
        measured: The median, and the quartiles, as people read them.
        bound: What was to be reached, as a number.
        median: What was reached.
        low: Its lower quartile.
        high: Its upper quartile.
        met: Whether the median is what was to be reached.
    """

    work: str
    goal: str
    measured: str
    bound: float
    median: float
    low: float
    high: float
    met: bool


def _pair(results: Results, part: str, size: int, unit: str, these: str, those: str) -> tuple[Series, Series] | None:
    one, other = results.series(part, these, size, unit), results.series(part, those, size, unit)
    return (one, other) if one and other and one.values and other.values else None


def _speed(work: str, part: str, size: int, name: str, than: str, bound: float) -> Goal:
    """So many times as fast as another."""

    def measured(results: Results) -> Spread | None:
        pair = _pair(results, part, size, "seconds", name, than)
        return ratios(pair[1].values, pair[0].values) if pair else None

    return Goal(work, than, bound, most=False, unit=_TIMES, measured=measured)


def _time(work: str, part: str, size: int, name: str, than: str, bound: float, unit: str = "seconds") -> Goal:
    """At most so many times the time of another."""

    def measured(results: Results) -> Spread | None:
        pair = _pair(results, part, size, unit, name, than)
        return ratios(pair[0].values, pair[1].values) if pair else None

    return Goal(work, than, bound, most=True, unit=_TIMES, measured=measured)


def _amount(work: str, part: str, size: int, name: str, kind: str, bound: float, unit: str, scale: float = 1) -> Goal:
    """At most so much of something."""

    def measured(results: Results) -> Spread | None:
        one = results.series(part, name, size, kind)
        return spread([value * scale for value in one.values]) if one and one.values else None

    return Goal(work, "", bound, most=True, unit=unit, measured=measured)


def _by_reference(results: Results) -> Spread | None:
    large, small = (results.series("reference", "memory", size) for size in (100, 0))
    return ratios(large.values, small.values) if large and small and large.values and small.values else None


def _one_way() -> list[Goal]:
    goals: list[Goal] = []
    for size in (100, 1000):
        goals += [
            _speed(f"{size} MB one way, socket lane", "one-way", size, "socket", "raw-tcp", 0.85),
            _speed(f"{size} MB one way, gRPC stream", "one-way", size, "stream", "raw-tcp", 0.65),
            _speed(f"{size} MB one way, socket lane", "one-way", size, "socket", "grpc-aio", 4),
        ]
    return goals


def _both_ways() -> list[Goal]:
    return [
        _speed(f"{size} MB both ways, socket lane", "both-ways", size, "socket", "raw-tcp", 0.6) for size in (100, 1000)
    ]


def _same_host() -> list[Goal]:
    goals: list[Goal] = []
    for part in ("one-way", "both-ways"):
        for size in (100, 1000):
            work = f"{size} MB {part.replace('-', ' ')}, shared memory"
            goals.append(_speed(work, part, size, "shm", "two-copy", 0.8))
            goals.append(_speed(work, part, size, "shm", "raw-tcp", 2.5))
    return goals


def _many() -> list[Goal]:
    cpu = "cpu seconds"
    return [
        _time("10 MB to 8 processes, socket lane", "broadcast", 10, "socket", "raw-tcp", 1.3),
        _time("10 MB to 8 processes, shared memory", "broadcast", 10, "shm", "raw-tcp", 0.5),
        _time("sender's CPU, 100 MB to 8 processes, socket lane", "broadcast", 100, "socket", "raw-tcp", 1.5, cpu),
        _time("sender's CPU, 100 MB to 8 processes, shared memory", "broadcast", 100, "shm", "raw-tcp", 1.5, cpu),
    ]


def _memory() -> list[Goal]:
    goals: list[Goal] = []
    for name, title in (("stream", "gRPC stream"), ("socket", "socket lane"), ("shm", "shared memory")):
        for side, unit in (("sender", SENDER), ("receiver", RECEIVER)):
            work = f"1 GB, {title}: {side}'s memory beyond it"
            goals.append(_amount(work, "memory", 1000, name, unit, 32, "MB"))
    for name, title in (("stream", "gRPC stream"), ("socket", "socket lane")):
        work = f"1 GB of a memory map, {title}: sender's memory"
        goals.append(_amount(work, "memory", 1000, name, FROM_MAP, 64, "MB"))
    return goals


def _fair() -> list[Goal]:
    goals: list[Goal] = []
    for name, title in (("stream", "gRPC stream"), ("socket", "socket lane"), ("shm", "shared memory")):
        goals.append(
            _amount(f"p99 of small calls beside 4 GB, {title}", "fairness", 1000, name, FAIRNESS[1], 100, "ms", 1000)
        )
    return goals


GOALS: Sequence[Goal] = (
    *_one_way(),
    *_both_ways(),
    *_same_host(),
    *_many(),
    *_memory(),
    *_fair(),
    _amount("8 GB through two processes of 512 MB", "8gb", 8000, "ours", EIGHT[0], 600, "s"),
    Goal("memory transport, 100 MB by reference", "4 bytes", 1.25, most=True, unit=_TIMES, measured=_by_reference),
)


def verdicts(results: Results) -> list[Verdict]:
    """What became of the goals that the results say something of."""
    judged = ((goal, goal.measured(results)) for goal in GOALS)
    return [_verdict(goal, measured) for goal, measured in judged if measured is not None]


def _verdict(goal: Goal, it: Spread) -> Verdict:
    sign, digits = "≤" if goal.most else "≥", 2 if goal.unit == _TIMES else 1
    text = f"{it.median:.{digits}f}"
    if it.low != it.high:
        text += f" ({it.low:.{digits}f} to {it.high:.{digits}f})"
    return Verdict(
        work=goal.work,
        goal=f"{sign} {goal.bound:g} {goal.unit} {_SHORT.get(goal.than, goal.than)}".strip(),
        measured=text,
        bound=goal.bound,
        median=it.median,
        low=it.low,
        high=it.high,
        met=it.median <= goal.bound if goal.most else it.median >= goal.bound,
    )

"""What has been measured, as it is kept in JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class Series(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one contender did at one size, in each round.

    Attributes:
        size: Megabytes (10^6 bytes) of the payload; 0 for a small call, or four bytes.
        contender: Who, by name.
        unit: What the values are: `seconds`, `cpu seconds`, or what the part says.
        values: One of each round; contenders of the same size have taken turns, so the same places belong together.
        lane: The lane that carried it, where the contender tells.
        gain: How many times smaller it travelled, where that is told.
        failed: Why there are no values.
    """

    size: int
    contender: str
    unit: str = "seconds"
    values: Sequence[float] = ()
    lane: str | None = None
    gain: float | None = None
    failed: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a run.

    Attributes:
        when: The date, in UTC.
        load: How many processes wanted a CPU when it began, on the average of a minute.
        took: Seconds in all.
        series: What was measured.
    """

    when: str
    load: float
    took: float
    series: Sequence[Series]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    Attributes:
        machine: What it ran on.
        parts: By name.
    """

    machine: dict[str, str]
    parts: dict[str, Part]

    def series(self, part: str, contender: str, size: int, unit: str = "seconds") -> Series | None:
        """What a contender did there; None where it was not measured."""
        if part not in self.parts:
            return None
        wanted = (contender, size, unit)
        return next((one for one in self.parts[part].series if (one.contender, one.size, one.unit) == wanted), None)


class Spread(NamedTuple):
    """A median with its quartiles."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """The median and the quartiles of some values."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def ratios(these: Sequence[float], those: Sequence[float]) -> Spread:
    """The spread of the ratios of each round."""
    return spread([one / other for one, other in zip(these, those, strict=False)])

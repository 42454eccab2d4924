"""Eight gigabytes, from a map of a file to a function that folds them, through two processes of 512 MB each."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.processes import field
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import MEGABYTE, Settings
from benchmarks.bulk.turns import say

LIMIT = 512 << 20
"""Bytes of memory of its own that each process may have."""

UNITS = ("seconds", "MB at most, sender", "MB at most, receiver")


def measure(settings: Settings, contenders: Sequence[str], sizes: Sequence[int]) -> list[Series]:
    """Send each size once."""
    series: list[Series] = []
    for size in sizes:
        for name in contenders:
            say(f"{size} MB, {name}")
            try:
                values = _measure(name, size, settings)
            except ContenderError as error:
                say(f"{name}, {size} MB: {error}")
                series.append(Series(size=size, contender=name, failed=str(error)))
                continue
            each = zip(UNITS, values, strict=True)
            series += [Series(size=size, contender=name, unit=unit, values=[value]) for unit, value in each]
    return series


def _measure(name: str, size: int, settings: Settings) -> tuple[float, ...]:
    with field(data_limit=LIMIT) as there:
        client = there.start(name)
        client.ask("prepare", nbytes=size * MEGABYTE, kind="numbered")
        took = client.ask("fold", within=10 * settings.longest)
        peaks = client.ask("peak") / MEGABYTE, there.servers_of(name)[0].ask("peak") / MEGABYTE
        return (took, *peaks)

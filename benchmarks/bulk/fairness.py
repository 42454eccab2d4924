"""Small calls while large arrays travel on the same connection, and how long the event loops are held up."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.processes import Worker, field
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import MEGABYTE, Settings
from benchmarks.bulk.turns import say

TOTAL = 4000
"""Megabytes that travel in all."""

UNITS = ("p50 of small calls", "p99 of small calls", "longest gap, sender's loop", "longest gap, receiver's loop")


def measure(settings: Settings, contenders: Sequence[str], sizes: Sequence[int]) -> list[Series]:
    """Send each array until the total has travelled."""
    series: list[Series] = []
    for size in sizes:
        with field() as there:
            for name in contenders:
                say(f"fairness, {name}, {TOTAL} MB in arrays of {size} MB")
                try:
                    client = there.start(name)
                    values = _measure(client, there.servers_of(name)[0], size, settings)
                except ContenderError as error:
                    say(f"{name}, {size} MB: {error}")
                    series.append(Series(size=size, contender=name, unit=UNITS[0], failed=str(error)))
                    continue
                each = zip(UNITS, values, strict=True)
                series += [Series(size=size, contender=name, unit=unit, values=[value]) for unit, value in each]
    return series


def _measure(client: Worker, server: Worker, size: int, settings: Settings) -> tuple[float, ...]:
    client.ask("move", way="small", repeats=20)
    client.ask("prepare", nbytes=size * MEGABYTE)
    client.ask("move", way="send", repeats=1, within=settings.longest)
    client.ask("watch")
    server.ask("watch")
    took = client.ask("mixed", repeats=max(1, TOTAL // size), within=settings.longest)
    gaps = client.ask("gap"), server.ask("gap")
    client.ask("release")
    parts = statistics.quantiles(took, n=100, method="inclusive") if len(took) > 1 else took * 99
    return (parts[49], parts[98], *gaps)

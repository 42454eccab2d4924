"""The most memory that each side uses while an array travels, beyond the array itself."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.processes import Worker, field
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import MEGABYTE, Settings
from benchmarks.bulk.turns import say

SENDER, RECEIVER, FROM_MAP = (
    "MB beyond the payload, sender",
    "MB beyond the payload, receiver",
    "MB in all, map's sender",
)
_SENDERS = {"random": SENDER, "mapped": FROM_MAP}
"""What the sender of a kind of payload is said to use."""


def measure(settings: Settings, contenders: Sequence[str], sizes: Sequence[int]) -> list[Series]:
    """Measure each contender and size in fresh processes: an array in memory, and one in a map of a file."""
    series: list[Series] = []
    for size in sizes:
        for name in contenders:
            for kind in ("random", "mapped") if name in ("stream", "socket") else ("random",):
                say(f"memory, {name}, {kind} {size} MB")
                series += _measure(settings, name, size, kind)
    return series


def _measure(settings: Settings, name: str, size: int, kind: str) -> list[Series]:
    sender_unit = _SENDERS[kind]
    try:
        with field() as there:
            client = there.start(name)
            used = _used(client, there.servers_of(name)[0], size, kind, settings.longest)
    except ContenderError as error:
        say(f"{name}, {size} MB: {error}")
        return [Series(size=size, contender=name, unit=sender_unit, failed=str(error))]
    sides = {sender_unit: used[0]} if kind == "mapped" else {sender_unit: used[0], RECEIVER: used[1]}
    return [Series(size=size, contender=name, unit=unit, values=[value]) for unit, value in sides.items()]


def _used(client: Worker, server: Worker, size: int, kind: str, within: float) -> tuple[float, float]:
    """Megabytes of the sender and the receiver beyond what they used just before, when the sender had the payload."""
    client.ask("prepare", nbytes=2 * MEGABYTE)
    client.ask("move", way="send", repeats=3)
    client.ask("prepare", nbytes=size * MEGABYTE, kind=kind)
    before = client.ask("mark"), server.ask("mark")
    client.ask("move", way="send", repeats=1, within=within)
    after = client.ask("peak"), server.ask("peak")
    return (after[0] - before[0]) / MEGABYTE, (after[1] - before[1]) / MEGABYTE - size

"""The parts of a run, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.bulk.moving import Course
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import Settings

_ALL = ("raw-tcp", "raw-unix", "two-copy", "grpc-aio", "oiafed", "stream", "socket", "shm")
_MANY = ("raw-tcp", "grpc-aio", "oiafed", "stream", "socket", "shm")


class Job(NamedTuple):
    """A part of a run.

    Attributes:
        doc: What it measures.
        contenders: Who takes part.
        sizes: Megabytes of the payloads.
        run: Measures.
    """

    doc: str
    contenders: tuple[str, ...]
    sizes: tuple[int, ...]
    run: Callable[[Settings, tuple[str, ...], tuple[int, ...]], list[Series]]


def _course(way: str, receivers: int = 1, kind: str = "random") -> Callable[..., list[Series]]:
    def run(settings: Settings, contenders: tuple[str, ...], sizes: tuple[int, ...]) -> list[Series]:
        return Course(way, settings, receivers=receivers, kind=kind).run(contenders, sizes)

    return run


PARTS: Mapping[str, Job] = {
    "one-way": Job("An array to one receiver", _ALL, (1, 10, 100, 1000), _course("send")),
    "both-ways": Job("An array to one receiver and back", _ALL, (1, 10, 100, 1000), _course("echo")),
    "broadcast": Job("An array to eight receivers at once", _MANY, (10, 100), _course("broadcast", receivers=8)),
}

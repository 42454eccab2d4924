"""The parts of a run, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.bulk import eight_gigabytes, fairness, footprint
from benchmarks.bulk.moving import Course
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import Settings

_ALL = ("raw-tcp", "raw-unix", "two-copy", "grpc-aio", "oiafed", "stream", "socket", "shm")
_OURS = ("stream", "socket", "shm")
_FEW = ("raw-tcp", "grpc-aio", "oiafed", *_OURS)
_PACKED = ("stream", "stream-zstd", "socket", "socket-zstd")


class Job(NamedTuple):
    """A part of a run.

    Attributes:
        doc: What it measures.
        contenders: Who takes part.
        sizes: Megabytes of the payloads.
        run: Measures.
        extra: Whether it is only done when asked for.
    """

    doc: str
    contenders: tuple[str, ...]
    sizes: tuple[int, ...]
    run: Callable[[Settings, tuple[str, ...], tuple[int, ...]], list[Series]]
    extra: bool = False


def _course(way: str, receivers: int = 1, kind: str = "random", repeats: int = 0) -> Callable[..., list[Series]]:
    def run(settings: Settings, contenders: tuple[str, ...], sizes: tuple[int, ...]) -> list[Series]:
        return Course(way, settings, receivers=receivers, kind=kind, repeats=repeats).run(contenders, sizes)

    return run


PARTS: Mapping[str, Job] = {
    "small": Job("Calls without arguments, one by one", (*_ALL[:5], "ours"), (0,), _course("small", repeats=300)),
    "one-way": Job("An array to one receiver", _ALL, (1, 10, 100, 1000), _course("send")),
    "both-ways": Job("An array to one receiver and back", _ALL, (1, 10, 100, 1000), _course("echo")),
    "reference": Job("Memory transport: 100 MB beside four bytes", ("memory",), (0, 100), _course("send", repeats=300)),
    "broadcast": Job("An array to eight receivers at once", _FEW, (10, 100), _course("broadcast", receivers=8)),
    "compression": Job("A sparse update in bfloat16", _PACKED, (100,), _course("send", kind="compressible")),
    "noise": Job("Compression where it does not pay", _PACKED, (100,), _course("send")),
    "memory": Job("The most memory that each side uses", _FEW, (1000,), footprint.measure),
    "fairness": Job("Small calls while 4 GB travel", ("grpc-aio", *_OURS), (1000,), fairness.measure),
    "8gb": Job("8 GB through two processes of 512 MB", ("ours", *_OURS), (8000,), eight_gigabytes.measure, extra=True),
}

"""Many pieces of memory as one sequence of bytes."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from oiafed_rpc.bulk.runs import Run
from oiafed_rpc.serializer.base import Buffer


class Layout:
    """Runs one after the other.

    Attributes:
        sizes: The bytes of each.
        size: The bytes of all.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self.sizes = tuple(run.nbytes for run in runs)
        self._ends = list(itertools.accumulate(self.sizes))
        self.size = self._ends[-1] if runs else 0

    def views(self, start: int, stop: int) -> list[memoryview]:
        """The bytes from `start` to `stop`, in order; none of the views is empty."""
        return [run.view(low, high) for run, low, high in self._parts(start, stop)]

    def itemsize(self, start: int) -> int:
        """The bytes of an element of the run that has the byte `start`."""
        return self._runs[bisect_right(self._ends, start)].itemsize

    def done(self, start: int, stop: int) -> None:
        """The bytes from `start` to `stop` are not needed for now."""
        for run, low, high in self._parts(start, stop):
            run.done(low, high)

    def _parts(self, start: int, stop: int) -> Iterator[tuple[Run, int, int]]:
        """Each run that has some of the bytes, with where they begin and end in it."""
        index = bisect_right(self._ends, start)
        while start < stop:
            run, end = self._runs[index], self._ends[index]
            begin = end - run.nbytes
            if start < end:
                yield run, start - begin, min(stop, end) - begin
            start = end
            index += 1


def scatter(data: Buffer, views: Sequence[memoryview]) -> None:
    """Copy bytes to where views are, one after the other."""
    memory, start = memoryview(data), 0
    for view in views:
        view[:] = memory[start : start + len(view)]
        start += len(view)

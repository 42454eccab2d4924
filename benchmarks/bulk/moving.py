"""Arrays of several sizes, one way, both ways, and to several receivers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial

from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.processes import Field, Worker, field
from benchmarks.bulk.results import Series
from benchmarks.bulk.settings import MEGABYTE, Settings
from benchmarks.bulk.turns import Outcome, say, take_turns

_KEPT = 200
"""Megabytes of a payload that every contender may keep while the others take their turns."""


class Course:
    """Contenders of whom each moves the same payload.

    Args:
        way: `small`, `send`, `echo` or `broadcast`.
        receivers: How many there are.
        kind: The kind of the payload.
        repeats: How often in a round; 0 for what fits the size.
    """

    def __init__(
        self, way: str, settings: Settings, *, receivers: int = 1, kind: str = "random", repeats: int = 0
    ) -> None:
        self._repeats = repeats
        self._way = way
        self._settings = settings
        self._receivers = receivers
        self._kind = kind

    def run(self, contenders: Sequence[str], sizes: Sequence[int]) -> list[Series]:
        """Measure each size."""
        with field(self._receivers) as there:
            absent = self._start(there, contenders)
            series: list[Series] = []
            until = time.monotonic() + self._settings.budget
            for number, size in enumerate(sizes):
                say(f"{self._way} {size} MB to {self._receivers}: ", end="")
                series += [Series(size=size, contender=name, failed=why) for name, why in absent.items()]
                series += self._measure(there, size, (until - time.monotonic()) / (len(sizes) - number))
            return series

    @staticmethod
    def _start(there: Field, contenders: Sequence[str]) -> dict[str, str]:
        absent: dict[str, str] = {}
        for name in contenders:
            try:
                there.start(name)
            except ContenderError as error:
                absent[name] = str(error)
                say(f"{name}: {error}")
        return absent

    def _measure(self, there: Field, size: int, budget: float) -> list[Series]:
        repeats = self._repeats or max(1, min(self._settings.repeats, 300 // size))
        actions = {name: partial(self._move, worker, size, repeats) for name, worker in there.clients.items()}
        outcomes = take_turns(actions, self._settings.rounds, budget, self._settings.slow)
        series: list[Series] = []
        for name, outcome in outcomes.items():
            series += self._series(there.clients[name], name, size, outcome)
        return series

    def _move(self, worker: Worker, size: int, repeats: int) -> Sequence[float]:
        """Seconds and CPU seconds, medians of the repeats; a large payload is made anew each time, and not kept."""
        kept = size <= _KEPT and self._receivers == 1
        worker.ask("prepare", nbytes=max(4, size * MEGABYTE), kind=self._kind)
        took = worker.ask("move", way=self._way, repeats=repeats, within=self._settings.longest)
        if not kept:
            worker.ask("release")
        return [statistics.median(each) for each in zip(*took, strict=True)]

    def _account(self, worker: Worker, size: int) -> tuple[str | None, float | None]:
        worker.ask("prepare", nbytes=max(4, size * MEGABYTE), kind=self._kind)
        account = worker.ask("account", within=self._settings.longest)
        worker.ask("release")
        return account or (None, None)

    def _series(self, worker: Worker, name: str, size: int, outcome: Outcome) -> list[Series]:
        if outcome.failed:
            say(f"{name}, {size} MB: {outcome.failed}")
            return [Series(size=size, contender=name, failed=outcome.failed)]
        lane, gain = self._account(worker, size) if size else (None, None)
        units = ("seconds", "cpu seconds")
        return [
            Series(size=size, contender=name, unit=unit, values=outcome.column(index), lane=lane, gain=gain)
            for index, unit in enumerate(units)
        ]

"""What people see of a run: bars on a terminal, lines elsewhere, and a table at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from federation.v1 import LearnerInfo, Phase, Progress, TrainerStatus
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from examples.fedavg.data import CLASSES

_ROUNDS = "rounds"
_PHASES = {Phase.IDLE: "waiting", Phase.TRAINING: "training", Phase.EVALUATING: "testing"}


class Display:
    """Shows one run as it goes; use it as a context manager.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {_ROUNDS: self._bars.add_task(_ROUNDS, total=None, note="starting the nodes")}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def started(self, learners: Mapping[str, LearnerInfo], status: TrainerStatus) -> None:
        """Show each learner's data, and make the bars."""
        self._console.print(_data_table(learners))
        for learner in sorted(learners):
            self._tasks[learner] = self._bars.add_task(learner, total=None, note="")
        self._move(_ROUNDS, status.round, status.rounds, "")

    def progressed(self, learner: str, progress: Progress) -> None:
        """Move a learner's bar."""
        self._move(learner, progress.epoch, progress.epochs, f"{_phase(progress.phase)}, loss {progress.loss:.4f}")

    def finished_round(self, status: TrainerStatus) -> None:
        """Move the bar of the rounds, or print a line."""
        accuracy = f"accuracy {_number(status.accuracy)}"
        self._move(_ROUNDS, status.round, status.rounds, accuracy)
        if self._bars.disable:
            losses = f"loss {_number(status.test_loss)} (training {_number(status.train_loss)})"
            self._console.print(f"round {status.round:>3} of {status.rounds}: {accuracy}, {losses}", highlight=False)

    def _move(self, name: str, done: int, total: int, note: str) -> None:
        self._bars.update(self._tasks[name], completed=done, total=total, note=note)


def results_table(runs: Mapping[str, Sequence[TrainerStatus]]) -> Table:
    """Accuracy and loss after each round, the runs side by side."""
    table = Table("round", title="Test accuracy and loss per round", box=SIMPLE)
    for name in runs:
        table.add_column(f"{name}: accuracy", justify="right")
        table.add_column("loss", justify="right")
    for statuses in zip(*runs.values(), strict=True):
        cells = [cell for status in statuses for cell in (_number(status.accuracy), _number(status.test_loss))]
        table.add_row(str(statuses[0].round), *cells)
    return table


def _data_table(learners: Mapping[str, LearnerInfo]) -> Table:
    table = Table("learner", "all", title="Training samples of each digit", box=SIMPLE, padding=(0, 1, 0, 0))
    for digit in range(CLASSES):
        table.add_column(str(digit), justify="right")
    for learner, info in sorted(learners.items()):
        table.add_row(learner, *_counts(info.samples, info.classes))
    return table


def _counts(samples: int, classes: dict[int, int]) -> list[str]:
    return [str(samples), *(str(classes.get(digit, "-")) for digit in range(CLASSES))]


def _phase(phase: Phase) -> str:
    return _PHASES.get(phase, phase.name)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"

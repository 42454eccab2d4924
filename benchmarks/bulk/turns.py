"""Contenders take turns: each round measures all of them once, so that a machine that slows down slows them all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.bulk.failure import ContenderError

Action = Callable[[], Sequence[float]]
"""Measures once; returns one number for each of the things that it measures."""


def say(text: str, *, end: str = "\n") -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, end=end, flush=True)


class Outcome:
    """What came of one contender.

    Attributes:
        rounds: What each round gave.
        failed: Why it gave nothing.
        over: Whether it takes no further turn.
    """

    def __init__(self) -> None:
        self.rounds: list[Sequence[float]] = []
        self.failed = ""
        self.over = False

    def column(self, index: int) -> list[float]:
        """One of the things that were measured, of each round."""
        return [values[index] for values in self.rounds]


def take_turns(actions: Mapping[str, Action], rounds: int, budget: float, slow: float) -> dict[str, Outcome]:
    """Measure all, in rounds of which the first does not count, each beginning with another of them.

    Who fails takes no further turn. Who is slow is measured once, and that counts: others would wait for it for long.

    Args:
        actions: How each is measured.
        rounds: How many rounds count.
        budget: Seconds after which no further round begins; one that counts there is in any case.
        slow: Seconds that a turn takes of those who are slow.
    """
    outcomes = {name: Outcome() for name in actions}
    began = time.monotonic()
    for number in range(rounds + 1):
        if number > 1 and time.monotonic() - began > budget:
            break
        order = list(actions)
        start = number % max(1, len(order))
        for name in order[start:] + order[:start]:
            if not outcomes[name].over:
                _take_turn(actions[name], outcomes[name], slow, counts=number > 0)
        say(".", end="")
    say("")
    return outcomes


def _take_turn(action: Action, outcome: Outcome, slow: float, *, counts: bool) -> None:
    began = time.monotonic()
    try:
        values = action()
    except ContenderError as error:
        outcome.failed, outcome.rounds, outcome.over = str(error), [], True
        return
    if not counts and time.monotonic() - began > slow:
        outcome.over = counts = True
    if counts:
        outcome.rounds.append(values)

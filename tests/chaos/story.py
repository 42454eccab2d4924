"""What happens in one run, made of a seed: which calls there are, and what breaks at which step of which."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

Kind = Literal["once", "again", "thread", "large", "stream"]
"""A call that must not run twice, one that may, one whose handler runs in a thread, one with large payloads both ways,
and one whose reply is a stream."""

Step = Literal["before", "request", "running", "reply", "after"]
"""When something breaks: before a call, while its request is on its way, while its handler runs, while its reply is on
its way, after it."""

Deed = Literal[
    "cut",  # connections are reset, and refused for a while
    "vanish",  # nothing passes for a while, then all goes on
    "half open",  # the trainer's side of the link ends, or the learner's, and the other is told later
    "stop learner",  # SIGSTOP, and SIGCONT later
    "stop trainer",
    "kill learner",  # SIGKILL, and another of its id later
    "kill trainer",
    "replace learner",  # SIGSTOP, another of its id, and SIGCONT: the former one wakes up and goes on
    "restart learner",  # it stops as it should, and another of its id starts later
    "cancel",  # the trainer gives the call up
    "slow",  # every block of bytes takes longer for a while
]

TIMEOUT = 6.0
"""Seconds of most calls: whatever breaks is whole again long before."""

SHORT = 0.4
"""Seconds of those that end by their deadline."""

_SIZES = {"large": 1_500_000}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the trainer to the learner.

    Attributes:
        key: What tells it from others.
        kind: What sort it is.
        timeout: Seconds until its deadline.
        pause: Seconds that its handler takes.
        size: Bytes that it has, each way.
    """

    key: str
    kind: Kind
    timeout: float
    pause: float
    size: int

    @property
    def may_repeat(self) -> bool:
        """Whether it may run twice."""
        return self.kind == "again"


@dataclass(frozen=True, slots=True)
class Round:
    """Some calls at once, and what breaks during the first of them.

    Attributes:
        calls: The calls.
        step: When it breaks.
        deed: What breaks.
        seconds: How long it stays so.
        place: Bytes of the request or reply that pass before, where one is on its way.
        late: Whether the handler ends only when all is whole again.
        up: Which side, where there are two.
    """

    calls: tuple[Call, ...]
    step: Step
    deed: Deed
    seconds: float
    place: int
    late: bool
    up: bool


@dataclass(frozen=True, slots=True)
class Story:
    """One run.

    Attributes:
        seed: What it is made of.
        dial_out: Whether the learner listens nowhere, and dials the trainer.
        beside: Whether large payloads may leave the link for shared memory.
        moves: Whether what is started anew listens on another port.
        journal: Whether the learner keeps its memory of calls on disk.
        rounds: One after another.
    """

    seed: int
    dial_out: bool
    beside: bool
    moves: bool
    journal: bool
    rounds: tuple[Round, ...]


def story(seed: int) -> Story:
    """The story of a seed."""
    chance = Random(seed)
    rounds = tuple(_round(chance, number) for number in range(chance.randint(2, 3)))
    return Story(
        seed,
        dial_out=chance.random() < 0.5,
        beside=chance.random() < 0.25,
        moves=chance.random() < 0.5,
        journal=chance.random() < 0.25,
        rounds=rounds,
    )


def _round(chance: Random, number: int) -> Round:
    deed = chance.choice(get_args(Deed))
    step: Step = "running" if deed == "cancel" else chance.choice(get_args(Step))
    calls = tuple(_call(chance, f"{number}.{each}", struck=not each) for each in range(chance.randint(1, 3)))
    size = calls[0].size or 400
    return Round(
        calls,
        step,
        deed,
        seconds=round(chance.uniform(0.02, 0.3) if chance.random() < 0.5 else chance.uniform(0.3, 1.5), 3),
        place=chance.randrange(size),
        late=chance.random() < 0.3,
        up=chance.random() < 0.5,
    )


def _call(chance: Random, key: str, *, struck: bool) -> Call:
    kind = chance.choice(("once", "once", *get_args(Kind)))
    timeout = SHORT if chance.random() < 0.1 else TIMEOUT
    pause = 0.0 if struck and chance.random() < 0.5 else round(chance.uniform(0, 0.3), 3)
    return Call(key, kind, timeout, pause, _SIZES.get(kind, 0))

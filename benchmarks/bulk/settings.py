"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple

MEGABYTE = 1_000_000
"""Bytes, as links are sold."""


class Settings(NamedTuple):
    """How much is measured.

    Attributes:
        rounds: How many rounds count.
        repeats: How often a small payload is sent in a round.
        budget: Seconds after which a part begins no further round, all its sizes together.
        slow: Seconds of a turn after which a contender takes no further one of that size.
        longest: Seconds that one measurement of one contender may take.
        sizes: Megabytes of the payloads, where not those of the part.
        only: Those who take part, where not those of the part.
    """

    rounds: int = 7
    repeats: int = 10
    budget: float = 40.0
    slow: float = 5.0
    longest: float = 60.0
    sizes: tuple[int, ...] = ()
    only: tuple[str, ...] = ()

"""Chance that keeps apart in time what would otherwise come together, such as the next attempts of many nodes."""

from __future__ import annotations

import random


def uniform() -> float:
    """A number from 0 up to 1, for a pause: nobody gains by guessing it."""
    return random.random()  # noqa: S311 - it is no secret

"""The error of the benchmarks."""

from __future__ import annotations


class ContenderError(Exception):
    """A contender could not do it; the message says why."""

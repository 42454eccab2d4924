"""Who takes part, and with what data."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from federation.v1 import LearnerCollection, LearnerInfo, NotReady
from oiafed_rpc import PartialFailure

LOADING = 60.0
"""Seconds that the learners may take to load their data."""


async def when_ready(learners: LearnerCollection, timeout: float = LOADING) -> Mapping[str, LearnerInfo]:
    """What data each learner has; while some are still loading, ask again when they said.

    Raises:
        TimeoutError: They were not ready within `timeout` seconds.
        PartialFailure: A learner failed.
    """
    async with asyncio.timeout(timeout):
        while True:
            try:
                return await learners.describe()
            except PartialFailure as failure:
                await asyncio.sleep(_pause(failure))


def _pause(failure: PartialFailure) -> float:
    """Seconds until all of those that are loading may be ready; raises what is no loading."""
    pauses = [error.retry_after for error in failure.errors.values() if isinstance(error, NotReady)]
    if len(pauses) < len(failure.errors):
        raise failure
    return max(pauses)

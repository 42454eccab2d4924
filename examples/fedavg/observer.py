"""The observer: it shows a run that it takes no part in. All it knows comes from the schema's methods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from federation.v1 import LearnerCollection, LearnerInfo, Progress, TrainerProxy, TrainerStatus
from oiafed_rpc import Node, NodeConfig

from examples.fedavg.roster import when_ready

REFRESH = 0.1
"""Seconds between two looks at what a learner does."""


class View(Protocol):
    """What shows a run."""

    def started(self, learners: Mapping[str, LearnerInfo], status: TrainerStatus) -> None:
        """The learners are ready."""

    def progressed(self, learner: str, progress: Progress) -> None:
        """A learner has come this far."""

    def finished_round(self, status: TrainerStatus) -> None:
        """A round is over."""


async def observe(config: NodeConfig, view: View) -> list[TrainerStatus]:
    """Follow a run to its end.

    Returns:
        The status after each round.

    Raises:
        RpcError: A node is not there, or the run failed.
    """
    history: list[TrainerStatus] = []
    async with Node.from_config(config) as node:
        learners = node.get_collection(LearnerCollection)
        trainer = node.get_proxy("trainer", TrainerProxy)
        view.started(await when_ready(learners), await trainer.status())
        async with _watching(learners, view):
            async for status in trainer.follow():
                view.finished_round(status)
                history.append(status)
    return history


@asynccontextmanager
async def _watching(learners: LearnerCollection, view: View) -> AsyncGenerator[None]:
    """Show what the learners do, meanwhile."""
    watcher = asyncio.create_task(_watch(learners, view))
    try:
        yield
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(learners: LearnerCollection, view: View) -> None:
    async for reply in learners.watch(every=REFRESH):
        if reply.ok:  # that a learner is lost is the trainer's to tell
            view.progressed(reply.node_id, reply.value)

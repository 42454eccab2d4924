"""The nodes of each layer. Whoever is below dials, and is called over what it has opened: no learner listens."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from federation.v1 import LearnerCollection
from oiafed_rpc import GrpcTransport, Node

from examples.fedavg.experiment import Experiment
from examples.fedavg.learner import Learner
from examples.hierarchy.aggregator import Aggregator

PATIENCE = 60.0
"""Seconds within which a layer is there."""


async def aggregate(number: int, trainer: str, port: int, leaves: int) -> None:
    """Be an aggregator until SIGTERM or Ctrl-C: a node of each of its two roles.

    Args:
        number: Which one, from 0.
        trainer: The address of the trainer, as `id@host:port`.
        port: Where its learners find it.
        leaves: How many of them there are.

    Raises:
        RpcError: Somebody is not there in time.
    """
    below = Node(f"aggregator_{number}_below", "trainer", GrpcTransport("127.0.0.1", port))
    above = Node(f"aggregator_{number}", "learner", GrpcTransport(), connect_timeout=PATIENCE)
    above.register(Aggregator(below.get_collection(LearnerCollection)))
    async with below, above:
        await below.wait_for_peers(role="learner", count=leaves, timeout=PATIENCE)
        await above.connect(trainer)
        await above.serve()


async def learn(parts: list[int], aggregator: str, experiment: Experiment) -> None:
    """Be some learners, in one process, until SIGTERM or Ctrl-C.

    Args:
        parts: Their parts of the data.
        aggregator: The address of their aggregator, as `id@host:port`.
        experiment: How the data are shared out.

    Raises:
        RpcError: The aggregator is not there in time.
    """
    nodes: list[Node] = []
    async with AsyncExitStack() as stack:
        for part in parts:
            learner = Learner(part, experiment)
            await asyncio.to_thread(learner.load)
            node = Node(f"learner_{part}", "learner", GrpcTransport(), connect_timeout=PATIENCE)
            node.register(learner)
            nodes.append(await stack.enter_async_context(node))
            await node.connect(aggregator)
        await nodes[0].serve()

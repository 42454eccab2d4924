"""The nodes of the federation, made from their configuration. The same for one process and for five."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from federation.v1 import LearnerCollection
from oiafed_rpc import Node, NodeConfig

from examples.fedavg.experiment import Experiment
from examples.fedavg.learner import Learner
from examples.fedavg.trainer import Trainer
from examples.fedavg.weights import save

log = logging.getLogger(__name__)


async def serve_learner(config: NodeConfig, part: int, experiment: Experiment, stop: asyncio.Event | None) -> None:
    """Be a learner until `stop` is set; without one, until SIGTERM or Ctrl-C.

    Raises:
        RpcError: The node could not start.
    """
    learner = Learner(part, experiment)
    node = Node.from_config(config)
    node.register(learner)
    async with node:
        await asyncio.to_thread(learner.load)
        log.info("%s is ready", config.node.id)
        await (node.serve() if stop is None else stop.wait())


async def serve_trainer(config: NodeConfig, experiment: Experiment, output: Path, stop: asyncio.Event | None) -> None:
    """Be the trainer: run the experiment, write the final weights to `output`, answer until `stop` is set, if given.

    Raises:
        RpcError: The node could not start, or a learner failed.
    """
    trainer = Trainer(experiment)
    node = Node.from_config(config)
    node.register(trainer)
    async with node:
        await node.wait_for_peers(role="learner", count=experiment.learners, timeout=config.timeout.connect)
        save(output, await trainer.run(node.get_collection(LearnerCollection)))
        log.info("the weights are in %s", output)
        if stop is not None:
            await stop.wait()

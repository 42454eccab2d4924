"""The same federation twice: as tasks of one process, and as processes that speak gRPC."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from federation.v1 import TrainerStatus
from oiafed_rpc import NodeConfig

from examples.fedavg.experiment import Experiment
from examples.fedavg.nodes import serve_learner, serve_trainer
from examples.fedavg.observer import View, observe
from examples.fedavg.processes import Processes, unless_one_ends

T = TypeVar("T")

CONFIGS = Path(__file__).parent / "configs"


async def in_one_process(experiment: Experiment, output: Path, view: View) -> list[TrainerStatus]:
    """Run all nodes in this process, configured by `configs/memory`; `output` gets the final weights.

    Returns:
        The status after each round.

    Raises:
        RpcError: A node failed. Within an ExceptionGroup.
    """
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as nodes:
        for part in range(experiment.learners):
            config = _config("memory", "learner", {"PART": str(part)})
            nodes.create_task(serve_learner(config, part, experiment, stop))
        nodes.create_task(serve_trainer(_config("memory", "trainer"), experiment, output, stop))
        history = await observe(_config("memory", "observer"), view)
        stop.set()
    return history


async def in_processes(
    experiment: Experiment, output: Path, view: View, ports: list[int], folder: Path
) -> tuple[list[TrainerStatus], str]:
    """Run each node in a process of its own, configured by `configs/grpc`; `output` gets the final weights.

    Args:
        experiment: What to run.
        output: A file for the weights.
        view: What shows the run.
        ports: Where the learners listen, and after them the trainer.
        folder: For the processes' stderr.

    Returns:
        The status after each round, and what the processes wrote to stderr.

    Raises:
        ProcessError: A process failed.
        RpcError: A node is not there.
    """
    *learners, trainer = (f"127.0.0.1:{port}" for port in ports)
    places = {"TRAINER": trainer} | {f"LEARNER_{part}": place for part, place in enumerate(learners)}
    common = ["-m", "examples.fedavg.node", "--until-stdin-closes", "--rounds", str(experiment.rounds)]
    async with Processes(folder) as processes:
        for part in range(experiment.learners):
            arguments = [*common, str(CONFIGS / "grpc" / "learner.yaml"), "--part", str(part)]
            await processes.start(f"learner_{part}", arguments, {"PORT": str(ports[part])})
        arguments = [*common, str(CONFIGS / "grpc" / "trainer.yaml"), "--output", str(output)]
        await processes.start("trainer", arguments, places | {"PORT": str(ports[-1])})
        history = await unless_one_ends(observe(_config("grpc", "observer", places), view), processes)
        await processes.finish("trainer")  # before those that it calls
        await processes.finish()
    return history, processes.written()


def _config(run: str, node: str, variables: Mapping[str, str] | None = None) -> NodeConfig:
    return NodeConfig.load(CONFIGS / run / f"{node}.yaml", {**os.environ, **(variables or {})})

"""The example: `python -m examples.hierarchy` trains with a trainer, 4 aggregators and 64 learners, over gRPC."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from federation.v1 import LearnerCollection
from oiafed_rpc import GrpcTransport, Node, RpcError

from examples.fedavg.arithmetic import one_thread
from examples.fedavg.experiment import Experiment
from examples.fedavg.processes import (
    ProcessError,
    Processes,
    cancel_on_sigterm,
    free_ports,
    unless_one_ends,
)
from examples.fedavg.trainer import Trainer
from examples.hierarchy.nodes import PATIENCE, aggregate, learn

_ALIKE = 10.0  # skew of the data: with so many learners, each should have some


def experiment_of(arguments: argparse.Namespace) -> Experiment:
    """What all nodes of the example share."""
    return Experiment(learners=arguments.leaves, rounds=arguments.rounds, epochs=2, skew=_ALIKE)


async def train(arguments: argparse.Namespace) -> None:
    """Start all layers as processes, train, and print how it goes.

    Raises:
        RpcError, ProcessError: A node is not there in time, or failed.
    """
    cancel_on_sigterm()
    trainer = Trainer(experiment_of(arguments))
    transport = GrpcTransport("127.0.0.1", 0)
    node = Node("trainer", "trainer", transport)
    node.register(trainer)
    with tempfile.TemporaryDirectory(prefix="hierarchy-") as folder:
        async with node, Processes(Path(folder)) as processes:
            await _start(processes, arguments, f"trainer@127.0.0.1:{transport.port}")
            ready = node.wait_for_peers(role="learner", count=arguments.aggregators, timeout=PATIENCE)
            await unless_one_ends(ready, processes)
            print(f"1 trainer, {arguments.aggregators} aggregators, {arguments.leaves} learners")
            running = asyncio.create_task(trainer.run(node.get_collection(LearnerCollection)))
            try:
                await unless_one_ends(_show(trainer), processes)
                await running
            finally:
                running.cancel()
                await asyncio.wait([running])


async def _show(trainer: Trainer) -> None:
    async for status in trainer.follow():
        print(f"round {status.round} of {status.rounds}: accuracy {status.accuracy:.4f}", flush=True)


async def _start(processes: Processes, arguments: argparse.Namespace, trainer: str) -> None:
    common = ["-m", "examples.hierarchy", "--leaves", str(arguments.leaves), "--rounds", str(arguments.rounds)]
    for number, port in enumerate(free_ports(arguments.aggregators)):
        parts = range(number, arguments.leaves, arguments.aggregators)
        aggregator = ["--number", str(number), "--above", trainer, "--port", str(port), "--below", str(len(parts))]
        await processes.start(f"aggregator_{number}", [*common, "aggregator", *aggregator], {})
        learners = ["--above", f"aggregator_{number}_below@127.0.0.1:{port}", "--parts", *map(str, parts)]
        await processes.start(f"learners_{number}", [*common, "learners", *learners], {})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.hierarchy", description=__doc__)
    parser.add_argument("--aggregators", type=int, default=4, help="how many (default: 4)")
    parser.add_argument("--leaves", type=int, default=64, help="how many learners in all (default: 64)")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds to train (default: 5)")
    layers = parser.add_subparsers(dest="layer", title="one process of a layer, which the example starts by itself")
    aggregator = layers.add_parser("aggregator", help="an aggregator")
    aggregator.add_argument("--number", type=int, required=True, help="which one, from 0")
    aggregator.add_argument("--port", type=int, required=True, help="where its learners find it")
    aggregator.add_argument("--below", type=int, required=True, help="how many they are")
    learners = layers.add_parser("learners", help="learners that share an aggregator")
    learners.add_argument("--parts", type=int, nargs="+", required=True, help="their parts of the data, from 0")
    for layer in (aggregator, learners):
        layer.add_argument("--above", required=True, help="the node above, as id@host:port")
    return parser


async def run(arguments: argparse.Namespace) -> None:
    """Be what the command line asks for; errors as for `train`."""
    if arguments.layer == "aggregator":
        await aggregate(arguments.number, arguments.above, arguments.port, arguments.below)
    elif arguments.layer == "learners":
        await learn(arguments.parts, arguments.above, experiment_of(arguments))
    else:
        await train(arguments)


def main() -> int:
    """Run the example; the exit code says how it went."""
    one_thread()
    try:
        asyncio.run(run(_parser().parse_args()))
    except (RpcError, ProcessError, TimeoutError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""One node as a process of its own: `python -m examples.fedavg.node CONFIG [--part N] [--output FILE]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import threading
from pathlib import Path

from oiafed_rpc import NodeConfig, RpcError

from examples.fedavg.arithmetic import one_thread
from examples.fedavg.experiment import Experiment
from examples.fedavg.nodes import serve_learner, serve_trainer


async def serve(arguments: argparse.Namespace) -> None:
    """Be the node that the configuration describes, until it is done or told to stop.

    Raises:
        RpcError: The configuration is wrong, the node could not start, or a learner failed.
    """
    environ = {**os.environ, "PART": str(arguments.part)}
    config = NodeConfig.load(arguments.config, environ)
    experiment = Experiment(rounds=arguments.rounds)
    stop = _end_of_input() if arguments.until_stdin_closes else None
    if config.node.role == "trainer":
        await serve_trainer(config, experiment, arguments.output, stop)
    else:
        await serve_learner(config, arguments.part, experiment, stop)


def _end_of_input() -> asyncio.Event:
    """What is set when standard input ends."""
    ended = asyncio.Event()
    arguments = (asyncio.get_running_loop(), ended)
    threading.Thread(target=_read_to_the_end, args=arguments, daemon=True).start()
    return ended


def _read_to_the_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    loop.call_soon_threadsafe(ended.set)


def main() -> int:
    """Run a node; the exit code says how it went."""
    parser = argparse.ArgumentParser(prog="python -m examples.fedavg.node", description=__doc__)
    parser.add_argument("config", type=Path, help="its configuration, a file of examples/fedavg/configs/grpc")
    parser.add_argument("--part", type=int, default=0, help="a learner's part of the data, from 0")
    parser.add_argument("--rounds", type=int, default=Experiment.rounds, help="how many rounds the trainer trains")
    parser.add_argument("--output", type=Path, default=Path("weights.npz"), help="where the trainer writes the weights")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    one_thread()
    try:
        asyncio.run(serve(parser.parse_args()))
    except (RpcError, TimeoutError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

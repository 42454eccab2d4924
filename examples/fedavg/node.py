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
from examples.fedavg.processes import cancel_on_sigterm


async def serve(arguments: argparse.Namespace) -> None:
    """Be the node that the configuration describes, until it is done or told to stop.

    Raises:
        RpcError: The configuration is wrong, the node could not start, or a learner failed.
    """
    cancel_on_sigterm()
    environ = {**os.environ, "PART": str(arguments.part)}
    config = NodeConfig.load(arguments.config, environ)
    experiment = Experiment(rounds=arguments.rounds)
    stop = _stop_event(arguments.until_stdin_closes, lasting=config.node.role == "learner")
    if config.node.role == "trainer":
        await serve_trainer(config, experiment, arguments.output, stop)
    else:
        await serve_learner(config, arguments.part, experiment, stop)


def _stop_event(until_stdin_closes: bool, *, lasting: bool) -> asyncio.Event:
    """What ends the node: stdin where it was asked to; else a learner waits for a signal, a trainer for nothing."""
    stop = asyncio.Event()
    if until_stdin_closes:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()
    elif not lasting:
        stop.set()
    return stop


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    loop.call_soon_threadsafe(stop.set)


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
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

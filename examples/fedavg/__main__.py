"""The demo: `python -m examples.fedavg` trains one federation twice, and compares what came out."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from federation.v1 import TrainerStatus
from oiafed_rpc import RpcError
from rich.console import Console

from examples.fedavg.arithmetic import one_thread
from examples.fedavg.display import Display, results_table
from examples.fedavg.experiment import Experiment
from examples.fedavg.processes import ProcessError, cancel_on_sigterm, free_ports
from examples.fedavg.runs import CONFIGS, in_one_process, in_processes
from examples.fedavg.weights import fingerprint, identical, load

FAILURES = (RpcError, ProcessError, TimeoutError, OSError)


async def demonstrate(experiment: Experiment, ports: list[int], folder: Path, console: Console) -> bool:
    """Run the experiment in memory and over gRPC; say whether the weights are the same.

    Raises:
        RpcError, ProcessError, TimeoutError, OSError: A run failed; perhaps within an ExceptionGroup.
    """
    one, other = folder / "memory.npz", folder / "grpc.npz"
    in_memory = await in_memory_alone(experiment, one, console)
    _print_difference(console)
    over_grpc = await over_grpc_alone(experiment, other, ports, folder, console)
    console.rule("The same result")
    console.print(results_table({"memory": in_memory, "gRPC": over_grpc}))
    return _compare(console, one, other)


async def in_memory_alone(experiment: Experiment, output: Path, console: Console) -> list[TrainerStatus]:
    """Run the experiment as tasks of this process; errors as for `demonstrate`."""
    console.rule("One process, in memory")
    with Display(console) as display:
        return await in_one_process(experiment, output, display)


async def over_grpc_alone(
    experiment: Experiment, output: Path, ports: list[int], folder: Path, console: Console
) -> list[TrainerStatus]:
    """Run the experiment as processes; errors as for `demonstrate`."""
    console.rule("Five processes, over gRPC")
    with Display(console) as display:
        history, stderr = await in_processes(experiment, output, display, ports, folder)
    sys.stderr.write(stderr)
    return history


async def run(arguments: argparse.Namespace, ports: list[int], folder: Path, console: Console) -> bool:
    """Run what the command line asks for; whether what is compared is the same."""
    cancel_on_sigterm()
    experiment = Experiment(rounds=arguments.rounds)
    if arguments.only == "memory":
        await in_memory_alone(experiment, folder / "memory.npz", console)
    elif arguments.only == "grpc":
        await over_grpc_alone(experiment, folder / "grpc.npz", ports, folder, console)
    else:
        return await demonstrate(experiment, ports, folder, console)
    return True


def _print_difference(console: Console) -> None:
    """Show what distinguishes the two runs, from the files that they are made with."""
    console.rule("What changes")
    for memory in sorted((CONFIGS / "memory").iterdir()):
        grpc = CONFIGS / "grpc" / memory.name
        console.print(f"configs/memory/{memory.name} -> configs/grpc/{grpc.name}", highlight=False)
        difference = difflib.ndiff(memory.read_text().splitlines(), grpc.read_text().splitlines())
        for line in difference:
            if line[0] in "-+":
                console.print(f"  {line}", style="red" if line[0] == "-" else "green", highlight=False)


def _compare(console: Console, one: Path, other: Path) -> bool:
    in_memory, over_grpc = load(one), load(other)
    same = identical(in_memory, over_grpc)
    console.print(f"SHA-256 of the weights, memory: {fingerprint(in_memory)}", highlight=False, soft_wrap=True)
    console.print(f"SHA-256 of the weights, gRPC:   {fingerprint(over_grpc)}", highlight=False, soft_wrap=True)
    verdict = "bit-identical" if same else "NOT the same"
    console.print(f"The final weights of both runs are {verdict}.", style="bold green" if same else "bold red")
    return same


def _fail(group: ExceptionGroup[Exception]) -> int:
    """Tell what went wrong, each failure once. What is no failure of a run is a mistake in it, and is raised."""
    failures = list(_leaves(group))
    if not all(isinstance(failure, FAILURES) for failure in failures):
        raise group
    for message in dict.fromkeys(str(failure) or type(failure).__name__ for failure in failures):
        print(f"error: {message}", file=sys.stderr)
    return 1


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(cast("ExceptionGroup[Exception]", error))
        else:
            yield error


def positive(text: str) -> int:
    """A whole number above 0, for the command line."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main() -> int:
    """Run the demo; the exit code says how it went."""
    parser = argparse.ArgumentParser(prog="python -m examples.fedavg", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=Experiment.rounds, help="how many rounds to train")
    parser.add_argument("--only", choices=("memory", "grpc"), help="one of the two runs; by default both, compared")
    parser.add_argument("--port", type=int, help="the first of the five ports to use; by default, free ones")
    arguments = parser.parse_args()
    count = Experiment.learners + 1
    console = Console()
    one_thread()
    began = time.monotonic()
    try:
        ports = list(range(arguments.port, arguments.port + count)) if arguments.port else free_ports(count)
        with tempfile.TemporaryDirectory(prefix="fedavg-") as folder:
            same = asyncio.run(run(arguments, ports, Path(folder), console))
    except ExceptionGroup as group:
        return _fail(group)
    except FAILURES as error:
        return _fail(ExceptionGroup("", [error]))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    console.print(f"Took {time.monotonic() - began:.1f} s.", highlight=False)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())

"""Child processes that always end: with the parent, with one another, and within bounded time."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

GRACE = 10.0
"""Seconds that a process has to end by itself, and again after it was told to."""

_SHOWN_LINES = 20
_LAST_WORDS = 2.0
"""Seconds in which a process whose end made others fail is seen to have ended."""

T = TypeVar("T")


class ProcessError(Exception):
    """A process ended before it should have. The message has what it wrote to stderr."""


@dataclass(frozen=True)
class _Child:
    name: str
    process: asyncio.subprocess.Process
    log: Path

    def failure(self) -> ProcessError:
        code = self.process.returncode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        lines = self.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
        return ProcessError("\n  ".join([f"the process of {self.name} {how}", *lines]))


class Processes:
    """Python processes that run while this context is entered.

    Each has a pipe as its standard input and should end when that closes; so they end with this process, however it
    ends. Use it as an asynchronous context manager: on its exit every process has ended and is reaped.

    Args:
        folder: Where their stderr is kept, a file for each.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[_Child] = []

    async def start(self, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run `python ARGUMENTS` with further environment variables."""
        log = self._folder / f"{name}.stderr"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                env={**os.environ, **environ},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is this process's to handle; it ends the others
            )
        self._children.append(_Child(name, process, log))

    async def watch(self) -> None:
        """Wait until a process ends.

        Raises:
            ProcessError: always, naming the first that ended.
        """
        waits = {asyncio.create_task(child.process.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        raise next(child for task, child in waits.items() if task in done).failure()

    async def finish(self, *names: str) -> None:
        """Let processes end, by default all, and wait for them.

        Raises:
            ProcessError: One of them failed.
        """
        children = [child for child in self._children if child.name in names or not names]
        await _end(children)
        for child in children:
            if child.process.returncode != 0:
                raise child.failure()

    def written(self) -> str:
        """What the processes wrote to stderr."""
        return "".join(child.log.read_text(errors="replace") for child in self._children)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            _signal(self._children, signal.SIGTERM)
        await _end(self._children)


async def unless_one_ends(work: Awaitable[T], processes: Processes) -> T:
    """The result of `work`; where it fails, or a process ends meanwhile, the process's failure, which is the cause."""
    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(processes.watch())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done() and working.exception():
            await asyncio.wait((watching,), timeout=_LAST_WORDS)
        if watching.done():
            watching.result()
        return await working
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _end(children: Sequence[_Child]) -> None:
    """Ask processes to end, then tell them, then make them."""
    for child in children:
        if child.process.stdin:
            child.process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if await _ended(children):
            return
        _signal(children, number)
    await _ended(children)


async def _ended(children: Sequence[_Child]) -> bool:
    waits = [asyncio.create_task(child.process.wait()) for child in children]
    if not waits:
        return True
    _, pending = await asyncio.wait(waits, timeout=GRACE)
    for task in pending:
        task.cancel()
    return not pending


def _signal(children: Sequence[_Child], number: signal.Signals) -> None:
    for child in children:
        if child.process.returncode is None:
            child.process.send_signal(number)


def cancel_on_sigterm() -> None:
    """Let SIGTERM cancel the current task, so that it can clean up."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on.

    Another program may take one before a node does; that node then says so and ends.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

"""Child processes that always end: with the parent, with one another, and within bounded time."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

GRACE = 10.0
"""Seconds that a process has to end by itself, and again after it was told to."""

_SHOWN_LINES = 20


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

    async def finish(self) -> None:
        """Let all processes end, and wait for them.

        Raises:
            ProcessError: One of them failed.
        """
        await self._end()
        failed = [child for child in self._children if child.process.returncode != 0]
        if failed:
            raise failed[0].failure()

    def written(self) -> str:
        """What the processes wrote to stderr."""
        return "".join(child.log.read_text(errors="replace") for child in self._children)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._signal("terminate")
        await self._end()

    async def _end(self) -> None:
        """Ask the processes to end, then tell them, then make them."""
        for child in self._children:
            if child.process.stdin:
                child.process.stdin.close()
        for signal in ("terminate", "kill"):
            if await self._ended(GRACE):
                return
            self._signal(signal)
        await self._ended(GRACE)

    async def _ended(self, timeout: float) -> bool:
        waits = [asyncio.create_task(child.process.wait()) for child in self._children]
        _, pending = await asyncio.wait(waits, timeout=timeout) if waits else ((), ())
        for task in pending:
            task.cancel()
        return not pending

    def _signal(self, method: str) -> None:
        for child in self._children:
            if child.process.returncode is None:
                getattr(child.process, method)()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on. Who takes one first has it: a node that finds its
    port taken says so and ends.
    """
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

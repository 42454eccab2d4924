"""The processes of a benchmark, as the one that measures sees them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self, cast

from benchmarks.bulk.contenders import ENTRIES
from benchmarks.bulk.failure import ContenderError
from benchmarks.bulk.older import python_of_older

ROOT = Path(__file__).resolve().parents[2]
_PATHS = ["", "runtime", "codegen", "generated"]


class Worker:
    """A process that runs one side of a contender.

    It ends with the block that it is used in, however that ends.

    Args:
        name: The name of the contender.
        folder: Where it may write.
        data_limit: Bytes of memory of its own that it may use at most; 0 for no limit.

    Raises:
        ContenderError: where it can't be started.
    """

    def __init__(self, name: str, folder: str, data_limit: int = 0) -> None:
        older = ENTRIES[name].older
        paths = [str(ROOT)] if older else [str(ROOT / path) for path in _PATHS]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": folder}
        command = [python_of_older() if older else sys.executable, "-m", "benchmarks.bulk.worker", name]
        if data_limit:
            environment["BENCH_DATA_LIMIT"] = str(data_limit)
        self.name = name
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
            cwd=folder,
            start_new_session=True,  # an interrupt is for the one that measures, which ends the others
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the process: by the end of its input, or by force."""
        with suppress(BrokenPipeError):
            self._input.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()
        self._log.close()

    def ask(self, do: str, *, within: float = 60.0, **arguments: Any) -> Any:
        """Have a command done; returns what it gives.

        Raises:
            ContenderError: where it fails, or takes longer than `within` seconds: then the process is of no more use.
        """
        self.begin(do, **arguments)
        return self.result(within)

    def begin(self, do: str, **arguments: Any) -> None:
        """Have a command done, whose result is asked for later.

        Raises:
            ContenderError: where the process has ended.
        """
        try:
            self._input.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._input.flush()
        except OSError:
            raise ContenderError(self._last_words()) from None

    def result(self, within: float = 60.0) -> Any:
        """What the command that was begun gives; errors as of `ask`."""
        answer = json.loads(self._line(time.monotonic() + within))
        if "error" in answer:
            raise ContenderError(str(answer["error"]))
        return answer["value"]

    def _line(self, until: float) -> bytes:
        descriptor = self._output.fileno()
        while b"\n" not in self._unread:
            if not select.select([descriptor], [], [], max(0.0, until - time.monotonic()))[0]:
                self._process.kill()
                raise ContenderError("takes too long")
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise ContenderError(self._last_words())
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _last_words(self) -> str:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "does not answer any more"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f"ended with status {self._process.returncode}" + (f": {lines[-1]}" if lines else "")


class Field:
    """The contenders of one measurement, each connected to servers of its own kind in processes of their own.

    Those that share a kind of server share the processes.

    Args:
        receivers: How many servers each has.
        folder: Where the processes may write.
        data_limit: Bytes of memory of its own that each may use at most; 0 for no limit.
    """

    def __init__(self, receivers: int, folder: str, data_limit: int = 0) -> None:
        self._data_limit = data_limit
        self._receivers = receivers
        self._folder = folder
        self._stack = ExitStack()
        self._addresses: dict[str, list[str]] = {}
        self.servers: dict[str, list[Worker]] = {}
        self.clients: dict[str, Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, name: str) -> Worker:
        """Start a contender; returns its client.

        Raises:
            ContenderError: where that can't be.
        """
        kind = ENTRIES[name].server or name
        if kind not in self._addresses:
            count = 0 if ENTRIES[name].alone else self._receivers
            workers = [self._stack.enter_context(Worker(kind, self._folder, self._data_limit)) for _ in range(count)]
            for index, worker in enumerate(workers):
                worker.begin("serve", index=index)
            self._addresses[kind] = [worker.result() for worker in workers]
            self.servers[kind] = workers
        client = self._stack.enter_context(Worker(name, self._folder, self._data_limit))
        client.ask("connect", addresses=self._addresses[kind])
        self.clients[name] = client
        return client

    def servers_of(self, name: str) -> Sequence[Worker]:
        """The servers of a contender that has been started."""
        return self.servers[ENTRIES[name].server or name]


@contextmanager
def field(receivers: int = 1, data_limit: int = 0) -> Iterator[Field]:
    """Room for contenders, with a folder that is removed in the end."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        Field(receivers, folder, data_limit) as made,
    ):
        yield made

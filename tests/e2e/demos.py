"""An example as its users run it, and every process that comes from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROC = Path("/proc")
MARK = "FEDAVG_TEST_RUN"


class Demo:
    """A running demo, and every process that comes from it."""

    def __init__(self, folder: str, module: str, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, MARK: self.mark, "COLUMNS": "100", "TMPDIR": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def result(self, timeout: float) -> tuple[int, str, str]:
        """Exit code, stdout and stderr, once it has ended."""
        stdout, stderr = self.process.communicate(timeout=timeout)
        return self.process.returncode, stdout, stderr

    def read_until(self, text: str) -> None:
        """Read stdout up to a line that has `text` in it."""
        assert self.process.stdout
        assert any(text in line for line in self.process.stdout), f"the demo ended before {text!r}"

    def processes(self) -> dict[int, str]:
        """Process id → command line, of what is alive."""
        return {int(path.name): command for path in PROC.glob("[0-9]*") if (command := self._command(path))}

    def _command(self, path: Path) -> str:
        try:
            if f"{MARK}={self.mark}".encode() not in (path / "environ").read_bytes():
                return ""
            return (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has ended, or is another user's
            return ""

    def find(self, text: str) -> int:
        """The id of the process that has `text` in its command line."""
        return next(pid for pid, command in self.processes().items() if text in command)


@contextmanager
def demo(*arguments: str, module: str = "examples.fedavg") -> Iterator[Demo]:
    with tempfile.TemporaryDirectory() as folder:  # one that is killed leaves its files there
        running = Demo(folder, module, *arguments)
        try:
            yield running
        finally:
            for pid in running.processes():
                os.kill(pid, signal.SIGKILL)
            running.process.communicate()

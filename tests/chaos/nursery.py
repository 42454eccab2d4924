"""Where the processes of the stories come from: one that has imported everything forks each, in a few milliseconds.

As a program it reads a line for each process that is wanted, and writes one for each that has begun or ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from typing import Any, Self

_PR_SET_PDEATHSIG = 1
_TICK = 0.02


class Nursery:
    """Starts processes, and knows when they end. It is used by `async with`."""

    def __init__(self) -> None:
        self._program: asyncio.subprocess.Process | None = None
        self._begun: asyncio.Queue[int] = asyncio.Queue()
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._asking = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.nursery", stdin=pipe, stdout=pipe
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._program is not None
        assert self._program.stdin is not None
        assert self._reading is not None
        self._program.stdin.close()
        await self._program.wait()
        await self._reading

    async def start(self, **options: Any) -> int:
        """Start a process; the options are those of `tests.chaos.process`. It gives its id."""
        assert self._program is not None
        assert self._program.stdin is not None
        async with self._asking:
            self._program.stdin.write(json.dumps(options).encode() + b"\n")
            pid = await self._begun.get()
        if not pid:
            self._begun.put_nowait(0)  # for all who ask
            raise RuntimeError("the nursery has ended: what it said is on stderr")
        return pid

    async def end(self, pid: int) -> int:
        """Wait until a process has ended; what it has returned, or the negative number of the signal that ended it."""
        return await asyncio.shield(self._ends[pid])

    def running(self, pid: int) -> bool:
        """Whether a process has not ended."""
        return not self._ends[pid].done()

    async def _read(self) -> None:
        assert self._program is not None
        assert self._program.stdout is not None
        while line := await self._program.stdout.readline():
            pid, status = json.loads(line)
            if status is None:
                self._ends[pid] = asyncio.get_running_loop().create_future()
                self._begun.put_nowait(pid)
            else:
                self._ends[pid].set_result(os.waitstatus_to_exitcode(status))
        self._begun.put_nowait(0)


def _main() -> None:
    import tests.chaos.process as play  # and with it everything that a node needs

    while True:
        ready, _, _ = select.select([0], [], [], _TICK)
        _reap()
        if not ready:
            continue
        line = _line()
        if not line:
            return
        pid = os.fork()
        if pid == 0:
            _become(play, json.loads(line))
        _say(pid, None)


def _line() -> bytes:
    """The next line, and no byte more: what `select` tells of must not be in a buffer."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _say(pid, status)


def _say(pid: int, status: int | None) -> None:
    os.write(1, json.dumps([pid, status]).encode() + b"\n")


def _become(play: Any, options: dict[str, Any]) -> None:
    """In the child: play its part, and end with it; whatever happens to its parent ends it too."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(0)
    os.dup2(2, 1)
    status = 1
    try:
        play.run(options)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _main()

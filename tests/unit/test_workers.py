"""Threads for ordinary functions."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading

import pytest
from oiafed_rpc.workers import Workers


async def test_a_result_and_an_error_come_back() -> None:
    workers = Workers()
    assert await workers.run(lambda: 5) == 5
    with pytest.raises(KeyError, match="x"):
        await workers.run(lambda: {}["x"])
    with pytest.raises(RuntimeError, match="StopIteration"):
        await workers.run(lambda: next(iter(())))


async def test_threads_are_used_again() -> None:
    workers = Workers()
    first = await workers.run(threading.get_ident)
    for _ in range(50):
        await asyncio.sleep(0)  # the thread says that it is free after it has delivered
        assert await workers.run(threading.get_ident) in _oiafed_threads()
    assert first in _oiafed_threads()
    assert len(_oiafed_threads()) < 20


def _oiafed_threads() -> set[int | None]:
    return {thread.ident for thread in threading.enumerate() if thread.name == "oiafed-handler"}


async def test_jobs_never_wait_for_one_another() -> None:
    workers = Workers()
    barrier = threading.Barrier(8)
    await asyncio.gather(*(workers.run(lambda: barrier.wait(10)) for _ in range(8)))


async def test_context_variables_are_those_of_the_caller() -> None:
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)
    variable.set(7)

    def change() -> int:
        before = variable.get()
        variable.set(8)
        return before

    assert await Workers().run(change) == 7
    assert variable.get() == 7


async def test_a_cancelled_caller_does_not_wait() -> None:
    release = threading.Event()
    waiting = asyncio.create_task(Workers().run(lambda: release.wait(30)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()


def test_a_function_that_never_returns_does_not_keep_the_process() -> None:
    code = """
import asyncio, threading
from oiafed_rpc.workers import WORKERS
async def main():
    started = threading.Event()
    task = asyncio.create_task(WORKERS.run(lambda: (started.set(), threading.Event().wait())))
    while not started.is_set():
        await asyncio.sleep(0.001)
asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-c", code], timeout=30, capture_output=True, text=True)
    assert run.returncode == 0
    assert run.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_threads_of_its_own() -> None:
    code = """
import asyncio, os
from oiafed_rpc.workers import WORKERS
async def main():
    return await WORKERS.run(lambda: 5)
asyncio.run(main())
pid = os.fork()
if pid == 0:
    os._exit(asyncio.run(main()))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    run = subprocess.run([sys.executable, "-c", code], timeout=30, capture_output=True, text=True)
    assert run.stdout == "5\n", run.stderr

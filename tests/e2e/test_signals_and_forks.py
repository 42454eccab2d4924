"""Nodes in processes that are told to end, that end by themselves, and that fork."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from oiafed_rpc import Code, GrpcTransport, Node, RpcError

_BEGIN = """
import asyncio, os, signal, sys
from oiafed_rpc import Code, GrpcTransport, MemoryTransport, Node, RpcError

def say(*words):
    print(*words, flush=True)
"""


@contextmanager
def _process(script: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGIN + textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        cwd=Path("/"),
        env={**os.environ, "PYTHONASYNCIODEBUG": "0"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


WAITING = {
    "event": "await asyncio.Event().wait()",
    "serve": "await node.serve()",
}


@pytest.mark.parametrize("waiting", list(WAITING))
def test_sigterm_stops_a_node_in_memory_in_order(waiting: str) -> None:
    script = f"""
    async def main():
        async with Node("a", "learner") as node:
            @node.register_handler("slow")
            async def slow(a=0, b=0):
                say("called")
                await asyncio.sleep(0.3)
                say("done")
            task = asyncio.create_task(node.get_proxy("a").call("slow"))
            {WAITING[waiting]}
        say("after")
    asyncio.run(main())
    """
    with _process(script) as process:
        assert _line(process) == "called"
        process.send_signal(signal.SIGTERM)
        code, out, err = _end(process)
    assert (code, out, err) == ((0, "done\nafter\n", "") if waiting == "serve" else (-signal.SIGTERM, "done\n", ""))


@pytest.mark.parametrize("waiting", list(WAITING))
async def test_sigterm_stops_a_node_over_grpc_in_order(waiting: str) -> None:
    script = f"""
    async def main():
        async with Node("a", "learner", GrpcTransport("127.0.0.1", 0)) as node:
            @node.register_handler("slow")
            async def slow(a=0, b=0):
                say("called")
                await asyncio.sleep(0.3)
                return "done"
            say(node.transport.port)
            {WAITING[waiting]}
        say("after")
    asyncio.run(main())
    """
    with _process(script) as process:
        async with Node("b", "trainer", GrpcTransport()) as caller:
            left = asyncio.Event()
            caller.on("left", lambda peer: left.set())
            await caller.connect(f"a@127.0.0.1:{_line(process)}")
            call = asyncio.create_task(caller.get_proxy("a").call("slow"))
            assert await asyncio.to_thread(_line, process) == "called"
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(left.wait(), 5)
            with pytest.raises(RpcError) as failure:
                await caller.get_proxy("a").with_options(retry=False).call("slow")
            assert failure.value.code is Code.UNAVAILABLE
            assert await call == "done"
            code, out, err = await asyncio.to_thread(_end, process)
    assert (code, out, err) == ((0, "after\n", "") if waiting == "serve" else (-signal.SIGTERM, "", ""))


def test_ctrl_c_ends_a_node_that_serves_without_noise() -> None:
    script = """
    async def main():
        node = Node("a", "learner", GrpcTransport("127.0.0.1", 0))
        async with node:
            asyncio.get_running_loop().call_soon(say, "up")
            await node.serve()
        say("after")
    asyncio.run(main())
    """
    with _process(script) as process:
        assert _line(process) == "up"
        process.send_signal(signal.SIGINT)
        assert _end(process) == (0, "after\n", "")


def test_a_handler_of_the_applications_own_is_left_alone() -> None:
    script = """
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with Node("a", "learner", GrpcTransport("127.0.0.1", 0)):
            say("up")
            await stop.wait()
        say("mine")
    asyncio.run(main())
    """
    with _process(script) as process:
        assert _line(process) == "up"
        process.send_signal(signal.SIGTERM)
        assert _end(process) == (0, "mine\n", "")


@pytest.mark.parametrize("transport", ["MemoryTransport()", "GrpcTransport('127.0.0.1', 0)"])
@pytest.mark.parametrize("ending", ["raise ValueError('mine')", "sys.exit(3)", "return"])
def test_a_process_may_end_with_a_node_that_runs(transport: str, ending: str) -> None:
    script = f"""
    async def main():
        node = Node("a", "learner", {transport})
        await node.start()
        {ending}
    asyncio.run(main())
    """
    with _process(script) as process:
        code, _, err = _end(process)
    if "raise" in ending:
        assert code == 1
        assert err.startswith("Traceback")
        assert err.rstrip().endswith("ValueError: mine")
        assert err.count("Traceback") == 1
    else:
        assert (code, err) == (3 if "exit" in ending else 0, "")


def _fork(transport: str, fresh: str, *, running: bool) -> list[str]:
    script = f"""
node = None

async def use_in_child():
    if {running}:
        for what in (node.start, node.stop, lambda: node.get_proxy("a").call("ping")):
            try:
                await what()
                say("worked")
            except RpcError as error:
                say(error.code.name, "after a fork" in error.message)
    fresh = Node("fresh", "learner", {fresh})
    fresh.register_handler("ping", lambda a=0, b=0: "pong")
    try:
        async with fresh:
            if isinstance(fresh.transport, GrpcTransport):
                async with Node("t", "trainer", GrpcTransport()) as t:
                    await t.connect(f"fresh@127.0.0.1:{{fresh.transport.port}}")
                    say(await t.get_proxy("fresh").call("ping"))
            else:
                say(await fresh.get_proxy("fresh").call("ping"))
    except RpcError as error:
        say(error.code.name, "forked" in error.message)

def fork():
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        asyncio.events._set_running_loop(None)
        try:
            asyncio.run(use_in_child())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

async def main():
    global node
    node = Node("a", "learner", {transport})
    node.register_handler("ping", lambda a=0, b=0: "pong")
    async with node:
        if {running}:
            fork()
        if isinstance(node.transport, MemoryTransport):
            say("parent", await node.get_proxy("a").call("ping"))
        else:
            async with Node("t", "trainer", GrpcTransport()) as t:
                await t.connect(f"a@127.0.0.1:{{node.transport.port}}")
                say("parent", await t.get_proxy("a").call("ping"))
    if not {running}:
        fork()
asyncio.run(main())
"""
    process = subprocess.run(
        [sys.executable, "-c", _BEGIN + script], capture_output=True, text=True, timeout=40, cwd="/", check=False
    )
    told = [line for line in process.stderr.splitlines() if "fork_posix.cc" not in line]  # gRPC's own notice
    assert (process.returncode, told) == (0, [])
    return process.stdout.splitlines()


REFUSED = ["FAILED_PRECONDITION True"] * 3
GRPC = "GrpcTransport('127.0.0.1', 0)"
MEMORY = "MemoryTransport()"


def test_a_child_makes_nodes_of_its_own_in_memory() -> None:
    assert _fork(MEMORY, MEMORY, running=True) == [*REFUSED, "pong", "parent pong"]
    assert _fork(GRPC, MEMORY, running=True) == [*REFUSED, "pong", "parent pong"]


def test_a_child_uses_grpc_where_its_parent_did_not() -> None:
    assert _fork(MEMORY, GRPC, running=True) == [*REFUSED, "pong", "parent pong"]


def test_a_child_of_a_process_that_uses_grpc_is_told() -> None:
    assert _fork(GRPC, GRPC, running=True) == [*REFUSED, "FAILED_PRECONDITION True", "parent pong"]
    assert _fork(GRPC, GRPC, running=False) == ["parent pong", "FAILED_PRECONDITION True"]


def test_a_signal_to_a_child_leaves_its_parent_alone() -> None:
    script = """
    async def main():
        async with Node("a", "learner", MemoryTransport()) as node:
            node.register_handler("ping", lambda a=0, b=0: "pong")
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            os.kill(pid, signal.SIGTERM)
            _, status = os.waitpid(pid, 0)
            say(os.waitstatus_to_exitcode(status))
            await asyncio.sleep(0.1)
            say(await node.get_proxy("a").call("ping"))
    asyncio.run(main())
    """
    with _process(script) as process:
        assert _end(process) == (0, f"{-signal.SIGTERM}\npong\n", "")


def test_a_signal_to_a_child_that_is_not_told_of_the_fork_yet_ends_it() -> None:
    script = """
    async def main():
        async with Node("a", "learner", MemoryTransport()):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            say(os.waitstatus_to_exitcode(status))
    asyncio.run(main())
    """
    early = "import os, signal\nos.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))\n"
    process = subprocess.run(
        [sys.executable, "-c", early + _BEGIN + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=20,
        cwd="/",
        check=False,
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{-signal.SIGTERM}\n", "")

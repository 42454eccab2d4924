"""Plain gRPC in Python, both ways: the other side has nothing but grpcio and what protoc makes of the `.proto` files.

It runs in processes of its own, where this toolkit can't even be imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from federation.v1 import FitConfig, LearnerCollection, LearnerInfo, LearnerProxy
from oiafed_rpc import (
    AuthInterceptor,
    Code,
    GrpcTransport,
    HeartbeatManager,
    Interceptor,
    Node,
    RetriableError,
    RpcError,
)
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.stubs.conformance import v1

from tests.unit.learners import Echo

ROOT = Path(__file__).parents[2]
PLAIN = Path(__file__).parent / "plain"


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What protoc makes of both schemas and of the toolkit's own."""
    folder = tmp_path_factory.mktemp("stubs")
    roots = [ROOT / "generated", Path(v1.__file__).parents[2], ROOT / "schema"]
    files = ["federation/v1/wire/federation.proto", "conformance/v1/wire/conformance.proto"]
    files += [f"oiafed/v1/{name}.proto" for name in ("options", "tensor", "node")]
    includes = [f"-I{root}" for root in roots]
    command = [sys.executable, "-m", "grpc_tools.protoc", *includes, f"--python_out={folder}"]
    made = subprocess.run(
        [*command, f"--grpc_python_out={folder}", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert (made.returncode, made.stderr) == (0, "")
    return folder


async def _start(script: str, stubs: Path, *arguments: str) -> asyncio.subprocess.Process:
    """A script with the stubs and the installed packages; -S leaves out what makes this project importable."""
    paths = {str(stubs), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", str(PLAIN / script), *arguments),
        env={"PYTHONPATH": ":".join(sorted(paths)), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def _ask(node: Node, stubs: Path, case: str) -> Any:
    """What the client prints of a case."""
    client = await _start("client.py", stubs, str(node.transport.port), case)
    stdout, stderr = await asyncio.wait_for(client.communicate(), 60)
    assert (client.returncode, stderr.decode()) == (0, "")
    return json.loads(stdout)


@contextlib.asynccontextmanager
async def _node(*interceptors: Interceptor, learner: Echo | None = None) -> AsyncIterator[Node]:
    async with Node("node_0", "learner", GrpcTransport("127.0.0.1", 0), interceptors=interceptors) as node:
        node.register(learner or Echo())
        node.register(Painter())
        yield node


async def test_unary_calls(stubs: Path) -> None:
    async with _node() as node:
        assert await _ask(node, stubs, "unary") == {
            "samples": 7,
            "classes": {"3": 7},
            "sums": [5, 7],
            "where": False,
        }
        assert await _ask(node, stubs, "tensors") == ["layer.0", "<f4", [2, 3], [0, 1, 2, 3, 4, 5], 4, 0.01]


async def test_streams_from_the_node(stubs: Path) -> None:
    async with _node() as node:
        told = await _ask(node, stubs, "server_stream")
    assert told["counted"] == [3, 4, 5]
    assert told["walked"] == [0.0, 1.0]
    assert (told["error"]["code"], told["error"]["text"]) == ("FAILED_PRECONDITION", "that is all")
    assert told["error"]["details"][1] == ["OutOfInk", 0, 0.0, False]


async def test_streams_to_the_node(stubs: Path) -> None:
    async with _node() as node:
        told = await _ask(node, stubs, "client_stream")
    assert (told["sum"], told["of none"], told["average"]) == (106, 7, 1.5)
    assert told["without a head"]["code"] == "INVALID_ARGUMENT"
    assert "ended before its first message" in told["without a head"]["text"]


async def test_streams_both_ways(stubs: Path) -> None:
    async with _node() as node:
        told = await _ask(node, stubs, "two_way")
    assert (told["totals"], told["last"]) == (3, True)
    assert told["error"]["details"][1] == ["OutOfInk", 0, 0.0, True]


async def test_declared_errors(stubs: Path) -> None:
    async with _node(learner=Echo(ready=False)) as node:
        not_ready = await _ask(node, stubs, "describe_fails")
        out_of_ink = await _ask(node, stubs, "draw_fails")
    assert not_ready == {
        "code": "FAILED_PRECONDITION",
        "text": "no data yet",
        "status": [9, "no data yet"],
        "details": [["ErrorInfo", "oiafed", "NotReady", {}], ["NotReady", 2.5]],
    }
    assert out_of_ink["details"] == [["ErrorInfo", "oiafed", "OutOfInk", {}], ["OutOfInk", 2, 0.25, True]]


class Busy(Echo):
    async def describe(self) -> LearnerInfo:
        try:
            try:
                raise OSError("disk full")
            except OSError as error:
                raise ValueError("no room") from error
        except ValueError as error:
            raise RetriableError("busy", {"queue": "3"}, retry_after=1.5) from error


async def test_rich_details(stubs: Path) -> None:
    async with _node(learner=Busy()) as node:
        told = await _ask(node, stubs, "describe_fails")
    assert (told["code"], told["status"]) == ("UNAVAILABLE", [14, "busy"])
    assert told["details"] == [
        ["ErrorInfo", "oiafed", "RetriableError", {"queue": "3", "retriable": "true"}],
        ["RetryInfo", 1500],
        ["ErrorInfo", "oiafed.cause", "ValueError", {"message": "no room"}],
        ["ErrorInfo", "oiafed.cause", "OSError", {"message": "disk full"}],
    ]


class Endless(Echo):
    def __init__(self) -> None:
        super().__init__()
        self.cancelled = asyncio.Event()

    async def describe(self) -> LearnerInfo:
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        raise AssertionError


async def test_the_deadline_ends_the_handler(stubs: Path) -> None:
    learner = Endless()
    async with _node(learner=learner) as node:
        assert await _ask(node, stubs, "deadline") == "DEADLINE_EXCEEDED"
        await asyncio.wait_for(learner.cancelled.wait(), 5)


async def test_a_token_is_asked_for_before_anything_is_read(stubs: Path) -> None:
    async with _node(AuthInterceptor("s3cret")) as node:
        told = await _ask(node, stubs, "token")
    assert told.pop("right") == 7
    assert {failure["code"] for failure in told.values()} == {"UNAUTHENTICATED"}
    assert told["missing"]["text"].endswith("it has no token")
    assert told["wrong"]["text"].endswith("its token is wrong")


async def test_callers_are_told_by_their_role(stubs: Path) -> None:
    async with _node() as node:
        told = await _ask(node, stubs, "callers")
    assert told["trainer"] == 1
    assert told["nobody"]["code"] == told["learner"]["code"] == "PERMISSION_DENIED"
    assert "a caller without a role may not call federation.v1.Learner/Evaluate" in told["nobody"]["text"]
    assert "role 'learner' may not call federation.v1.Learner/Evaluate" in told["learner"]["text"]


async def test_schema_less_calls_in_json(stubs: Path) -> None:
    async with _node() as node:

        @node.register_handler("greet")
        async def greet(name: str, greeting: str = "Hello") -> dict[str, str]:
            return {"text": f"{greeting}, {name}"}

        @node.register_handler("up_to")
        def up_to(to: int, start: int = 0) -> Iterator[int]:
            yield from range(start, to)

        @node.register_handler("total")
        async def total(start: int, numbers: AsyncIterator[int]) -> int:
            return start + sum([number async for number in numbers])

        @node.register_handler("running")
        async def running(start: int, numbers: AsyncIterator[int]) -> AsyncIterator[int]:
            async for number in numbers:
                start += number
                yield start

        node.register_handler("grüße", lambda: None)
        told = await _ask(node, stubs, "dynamic")
    assert told["call"] == ["json", {"text": "Hello, Ada"}]
    assert told["stream"] == [["json", 0], ["json", 1]]
    assert told["call with stream"] == ["json", 13]
    assert told["stream with stream"] == [["json", 11], ["json", 13]]
    assert told["percent"] == ["json", None]
    assert told["typed by name"] == ["json", 2]
    assert told["unknown"]["code"] == "UNIMPLEMENTED"
    assert "did you mean 'greet'?" in told["unknown"]["text"]


# The other way round: a node calls a server that knows nothing of it.


@contextlib.asynccontextmanager
async def _plain_server(stubs: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    server = await _start("server.py", stubs)
    assert server.stdout is not None
    try:
        yield server, int(await asyncio.wait_for(server.stdout.readline(), 30))
    finally:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def test_a_node_calls_a_plain_server(stubs: Path) -> None:
    async with _plain_server(stubs) as (_, port), Node("trainer", "trainer", GrpcTransport()) as trainer:
        peer = await trainer.connect(f"foreign@127.0.0.1:{port}")
        assert (peer.node_id, peer.role, peer.epoch) == ("foreign", "", "")
        assert trainer.peers["foreign"].state == "connected"
        learner = trainer.get_proxy("foreign", LearnerProxy)
        assert (await learner.describe()).samples == 3
        result = await learner.fit(weights={"w": np.arange(3.0)}, config=FitConfig(epochs=2))
        assert (result.samples, result.weights["w"].tolist()) == (2, [0, 1, 2])
        assert [each.epoch async for each in learner.watch(every=1.0)] == [0, 1, 2]
        assert (await trainer.get_collection(LearnerCollection, targets=["foreign"]).describe())["foreign"].samples == 3
        paints = trainer.get_proxy("foreign", v1.PainterProxy)
        assert await paints.sum(start=1, numbers=[1, 2, 3]) == 7
        assert [each async for each in paints.running_sum(start=1, numbers=[1, 2, 3])] == [2, 4, 7]


async def test_errors_of_a_plain_server(stubs: Path) -> None:
    Color = v1.Color  # noqa: N806 - a class
    async with _plain_server(stubs) as (_, port), Node("trainer", "trainer", GrpcTransport()) as trainer:
        await trainer.connect(f"foreign@127.0.0.1:{port}")
        paints = trainer.get_proxy("foreign", v1.PainterProxy)
        for call, code, text in (
            (paints.draw(color=Color.RED), Code.NOT_FOUND, "no such color"),
            (paints.add(a=1, b=2), Code.UNKNOWN, "in the foreign server"),
            (paints.tree(tree=v1.Tree(name="", children=[])), Code.UNIMPLEMENTED, "Method not implemented"),
            (trainer.get_proxy("foreign").call("ping"), Code.UNIMPLEMENTED, "Method not found"),
        ):
            with pytest.raises(RpcError, match=text) as failure:
                await call
            assert failure.value.code is code
            assert "on node 'foreign'" in failure.value.message
        items = paints.count(start=5, stop=9)
        assert await anext(items) == 5
        with pytest.raises(RpcError, match="no further") as failure:
            await anext(items)
        assert failure.value.code is Code.OUT_OF_RANGE
        with pytest.raises(RpcError) as failure:
            await paints.with_options(timeout=0.3).nothing()
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        cancelled, keys = await paints.names()
        assert cancelled == "True"
        assert {"oiafed-route", "oiafed-call-id"} <= set(json.loads(keys))


async def test_a_plain_server_that_dies_is_lost(stubs: Path) -> None:
    lost = asyncio.Event()
    beats = HeartbeatManager(interval=0.05, timeout=5)
    trainer = Node("trainer", "trainer", GrpcTransport(), heartbeat=beats)
    async with _plain_server(stubs) as (server, port), trainer:
        await trainer.connect(f"foreign@127.0.0.1:{port}")
        trainer.on("lost", lambda _: lost.set())
        seen = trainer.peers["foreign"].last_seen
        while trainer.peers["foreign"].last_seen == seen:  # it refuses heartbeats, and so it lives
            await asyncio.sleep(0.01)
        assert trainer.peers["foreign"].state == "connected"
        server.kill()
        await server.wait()
        beats.probe("foreign")
        await asyncio.wait_for(lost.wait(), 5)

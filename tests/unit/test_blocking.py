"""The blocking facade: the same calls, for code that waits."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from federation.v1 import FitConfig, LearnerProxy, NotReady, TrainerHandler, TrainerStatus, blocking
from oiafed_rpc import Code, MemoryNetwork, MemoryTransport, PartialFailure, Peer, RpcError, current_call
from oiafed_rpc import Node as AsyncNode
from oiafed_rpc import Proxy as AsyncProxy
from oiafed_rpc import ProxyCollection as AsyncCollection
from oiafed_rpc.blocking import Node, Proxy, ProxyCollection
from oiafed_rpc.blocking.background import background
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.stubs.conformance import v1 as stubs

from tests.unit.learners import Echo

ROOT = Path(__file__).parents[2]
WEIGHTS = {"w": np.arange(3.0)}


class World:
    """Blocking nodes on a network of their own."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.network = MemoryNetwork()

    def node(self, node_id: str, role: str = "learner") -> Node:
        return self._stack.enter_context(Node(node_id, role, MemoryTransport(self.network)))

    def learners(self, **ready: bool) -> Node:
        """A trainer, beside learners of which some are ready."""
        for node_id, is_ready in ready.items():
            self.node(node_id).register(Echo(ready=is_ready))
        return self.node("trainer", "trainer")


@pytest.fixture
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        yield World(stack)


def test_typed_calls(world: World) -> None:
    learner = world.learners(a=True).get_proxy("a", blocking.LearnerProxy)
    result = learner.fit(weights=WEIGHTS, config=FitConfig(epochs=2))
    assert result.samples == 2
    assert np.array_equal(result.weights["w"], WEIGHTS["w"])
    assert learner.evaluate(weights=WEIGHTS).samples == 1
    assert learner.target == "a"
    assert "blocking LearnerProxy('a')" in repr(learner)


def test_a_declared_error_is_raised(world: World) -> None:
    learner = world.learners(a=False).get_proxy("a", blocking.LearnerProxy)
    with pytest.raises(NotReady) as caught:
        learner.describe()
    assert caught.value.retry_after == 2.5


def test_a_stream_is_an_iterator(world: World) -> None:
    learner = world.learners(a=True).get_proxy("a", blocking.LearnerProxy)
    assert [each.epoch for each in learner.watch(every=0.5)] == [0, 1, 2]


def test_schema_less_calls(world: World) -> None:
    answering = world.node("a")

    @answering.register_handler("ping")
    def ping(*, number: int) -> int:
        return number + 1

    def count(*, upto: int) -> Iterator[int]:
        yield from range(upto)

    assert answering.register_handler("count", count) is count
    answering.register_handler("whole", lambda payload: payload, unpack=False)
    proxy = world.node("b").get_proxy("a")
    assert proxy.call("ping", number=1) == 2
    assert list(proxy.stream("count", upto=3)) == [0, 1, 2]
    assert proxy.call("whole", a=1) == {"a": 1}
    with pytest.raises(RpcError, match="no method 'pong'"):
        proxy.call("pong")


def test_a_stream_that_is_left_ends_the_call(world: World) -> None:
    ended = threading.Event()

    async def forever() -> AsyncIterator[int]:
        try:
            for number in range(10**9):
                yield number
        finally:
            ended.set()

    world.node("a").register_handler("forever", forever)
    for number in world.node("b").get_proxy("a").stream("forever"):
        if number == 2:
            break
    assert ended.wait(10)


def test_a_stream_that_is_forgotten_ends_the_call_wherever_it_is_collected(world: World) -> None:
    ended = threading.Event()

    async def forever() -> AsyncIterator[int]:
        try:
            for number in range(10**9):
                yield number
        finally:
            ended.set()

    world.node("a").register_handler("forever", forever)
    items = world.node("b").get_proxy("a").stream("forever")
    assert next(items) == 0
    held: list[Any] = [items]
    del items

    async def collect() -> None:
        held.clear()
        gc.collect()

    background().wait(collect())
    assert ended.wait(10)


def test_options(world: World) -> None:
    answering = world.node("a")
    answering.register_handler("seen", lambda: dict(current_call().metadata))
    answering.register_handler("slow", lambda: threading.Event().wait(5))
    proxy = world.node("b").get_proxy("a").with_options(metadata={"round": "3"})
    assert type(proxy) is Proxy
    assert proxy.call("seen") == {"round": "3"}
    with pytest.raises(RpcError) as caught:
        proxy.with_options(timeout=0.05).call("slow")
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_the_parameters_are_those_of_the_asynchronous_methods() -> None:
    for name in ("__init__", "start", "stop", "serve", "connect", "wait_for_peers", "on", "register"):
        ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (Node, AsyncNode))
        assert ours == theirs, name
    assert inspect.signature(Proxy.with_options) == inspect.signature(AsyncProxy.with_options)
    assert inspect.signature(ProxyCollection.with_options) == inspect.signature(AsyncCollection.with_options)
    public = {name for name in vars(AsyncNode) if not name.startswith("_")}
    assert public <= set(dir(Node))


def test_many_nodes(world: World) -> None:
    trainer = world.learners(a=True, b=True)
    learners = trainer.get_collection(blocking.LearnerCollection)
    assert sorted(learners.targets) == ["a", "b"]
    assert {key: each.samples for key, each in learners.describe().items()} == {"a": 7, "b": 7}
    came = learners.as_they_come(lambda many: many.fit(weights=WEIGHTS, config=FitConfig(epochs=4)))
    assert {reply.node_id: reply.value.samples for reply in came} == {"a": 4, "b": 4}
    assert sorted((each.node_id, each.value.epoch) for each in learners.watch(every=1.0)) == [
        (node_id, epoch) for node_id in ("a", "b") for epoch in range(3)
    ]


def test_partial_failures(world: World) -> None:
    learners = world.learners(a=True, b=False).get_collection(blocking.LearnerCollection)
    with pytest.raises(PartialFailure) as caught:
        learners.describe()
    assert list(caught.value.errors) == ["b"]
    enough = learners.with_options(min_replies=1)
    assert type(enough) is blocking.LearnerCollection
    assert list(enough.describe()) == ["a"]


def test_many_nodes_without_a_schema(world: World) -> None:
    for node_id in ("a", "b"):
        world.node(node_id).register_handler("add", lambda *, x, y=1: x + y)
    trainer = world.node("trainer", "trainer")
    many = trainer.get_collection(targets=["a", "b"])
    assert type(many) is ProxyCollection
    assert dict(many.broadcast("add", x=1)) == {"a": 2, "b": 2}
    assert many.collect("add", {"b": {"x": 1}, "a": {"x": 5, "y": 5}}) == [2, 10]
    assert len(list(many.as_they_come(lambda many: many.broadcast("add", x=1)))) == 2
    assert trainer.get_collection(role="learner").targets == ["a", "b"]


def test_classes_that_are_not_blocking_are_refused(world: World) -> None:
    node = world.node("a")
    with pytest.raises(TypeError, match=r"get_proxy takes a generated Proxy class of `your\.package\.blocking`"):
        node.get_proxy("b", LearnerProxy)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="get_collection takes"):
        node.get_collection(blocking.LearnerProxy)  # type: ignore[type-var]


def test_peers_and_configuration(world: World) -> None:
    network = world.network
    node = world.node("a")
    assert (node.node_id, node.role, node.transport.peers) == ("a", "learner", network.peers)
    with pytest.raises(RpcError, match="0 of 1 nodes of role 'trainer'"):
        node.wait_for_peers(role="trainer", timeout=0.01)
    world.node("b", "trainer")
    assert [peer.node_id for peer in node.wait_for_peers(role="trainer")] == ["b"]
    assert node.connect("b@localhost:1").role == "trainer"
    assert list(node.peers) == ["b"]
    transport = {"mode": "memory", "serializer": "pickle", "accept": ["pickle"]}
    with Node.from_config({"node": {"id": "from-config", "role": "x"}, "transport": transport}) as configured:
        assert repr(configured).startswith("blocking Node('from-config', 'x'")


def test_events(world: World) -> None:
    node = world.node("a")
    seen: list[str] = []
    came = threading.Event()

    @node.on("connected")
    def connected(peer: Peer) -> None:
        seen.append(peer.node_id)
        came.set()

    take_back = node.on("left", lambda peer: seen.append(f"{peer.node_id} left"))
    with Node("b", "trainer", MemoryTransport(world.network)):
        assert came.wait(10)
    take_back()
    assert seen[0] == "b"


def test_nodes_start_and_stop_again() -> None:
    node = Node("a", "learner", MemoryTransport(MemoryNetwork()))
    for _ in range(2):
        node.start()
        node.start()
        node.stop()
        node.stop()
    with pytest.raises(RpcError, match="not running"):
        node.get_proxy("a").call("ping")


async def test_it_works_where_a_loop_is_running_as_in_a_notebook(world: World) -> None:
    assert asyncio.get_running_loop().is_running()
    learner = world.learners(a=True).get_proxy("a", blocking.LearnerProxy)
    assert learner.describe().samples == 7
    assert len(list(learner.watch(every=1.0))) == 3


class Relay(TrainerHandler):
    """Asks a learner, from a worker thread, or from the event loop, where it must not."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.left: list[float | None] = []

    def status(self) -> TrainerStatus:
        info = self._node.get_proxy("a", blocking.LearnerProxy).describe()
        self._node.get_proxy("a").call("left", into=self.left)
        return TrainerStatus(round=info.samples, rounds=0, learners=[])

    async def follow(self) -> AsyncIterator[TrainerStatus]:
        yield self.status()


def test_a_handler_in_a_thread_makes_calls_and_hands_on_its_deadline(world: World) -> None:
    learner = world.node("a")
    learner.register(Echo())
    learner.register_handler("left", lambda *, into: into.append(current_call().time_left()))
    relaying = world.node("relay", "trainer")
    relay = Relay(relaying)
    relaying.register(relay)
    asking = world.node("asking", "trainer").get_proxy("relay", blocking.TrainerProxy)
    assert asking.with_options(timeout=7.0).status().round == 7
    (left,) = relay.left
    assert left is not None
    assert left < 7.0


def test_a_coroutine_on_the_loop_is_told_not_to_wait(world: World) -> None:
    relaying = world.learners(a=True)
    relaying.register(Relay(relaying))
    asking = world.node("asking", "trainer").get_proxy("trainer", blocking.TrainerProxy)
    with warnings.catch_warnings(), pytest.raises(RpcError, match="make the handler an ordinary function") as caught:
        warnings.simplefilter("error")
        list(asking.follow())
    assert caught.value.code is Code.FAILED_PRECONDITION


def test_an_ordinary_generator_is_a_streamed_request(world: World) -> None:
    waiting: Any = importlib.import_module("oiafed_rpc.testing.stubs.conformance.v1.blocking")
    world.node("painter", "painter").register(Painter())
    node = world.node("asking", "curator")
    one, many = node.get_proxy("painter", waiting.PainterProxy), node.get_collection(waiting.PainterCollection)
    assert one.sum(start=1, numbers=(number for number in range(4))) == 7
    assert list(one.running_sum(start=1, numbers=iter([1, 2]))) == [2, 4]
    assert dict(many.average(numbers=[1.0, 2.0])) == {"painter": 1.5}
    calling = (one.sum(start=number, numbers=[]) for number in range(3))  # read in a thread, where calls may be made
    assert one.sum(start=0, numbers=calling) == 3
    with pytest.raises(stubs.OutOfInk):
        list(one.paint(points=[stubs.Point(x=1.0, y=0.0), stubs.Point(x=-1.0, y=0.0)]))


def test_a_deprecated_method_warns_once_and_where_it_is_called(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests/golden/methods/expected")
    stubs, waiting = (importlib.import_module(f"methods.v1{name}") for name in ("", ".blocking"))
    answers: dict[str, Any] = dict.fromkeys(stubs.WorkerHandler.__abstractmethods__, lambda self, **_: None)
    world.node("a", "worker").register(type("Worker", (stubs.WorkerHandler,), answers)())
    worker = world.node("b", "worker").get_proxy("a", waiting.WorkerProxy)
    with pytest.warns(DeprecationWarning, match="everything is deprecated") as caught:
        assert worker.everything() is None
    assert [each.filename for each in caught] == [__file__]


def test_threads_share_a_node(world: World) -> None:
    learner = world.learners(a=True).get_proxy("a", blocking.LearnerProxy)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(learner.describe().samples)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert found == [7] * 8


def _script(text: str) -> list[str]:
    return [sys.executable, "-X", "dev", "-W", "error", "-c", f"from oiafed_rpc.blocking import Node\n{text}"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("runtime", "generated"))}


def _run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(_script(text), env=_environment(), capture_output=True, text=True, timeout=60, check=False)


INTERRUPTED = """
import asyncio, threading
cancelled = threading.Event()
async def forever():
    print("running", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.set()
with Node("a", "learner") as a, Node("b", "trainer") as b:
    a.register_handler("forever", forever)
    try:
        {wait}
    except KeyboardInterrupt:
        print("interrupted", cancelled.wait(10))
    a.register_handler("ping", lambda: "pong")
    print(b.get_proxy("a").call("ping"))
"""


@pytest.mark.parametrize(
    "wait",
    [
        "b.get_proxy('a').call('forever')",
        "b.get_collection(targets=['a']).broadcast('forever')",
        "list(b.get_collection(targets=['a']).as_they_come(lambda many: many.broadcast('forever')))",
    ],
)
def test_an_interrupt_cancels_the_call(wait: str) -> None:
    process = subprocess.Popen(
        _script(INTERRUPTED.format(wait=wait)),
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - start < 20
    assert (out, err, process.returncode) == ("interrupted True\npong\n", "", 0)


@pytest.mark.parametrize("asking", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_when_it_is_asked_to(asking: signal.Signals) -> None:
    script = """
node = Node("a", "learner")
node.on("left", print)
node.register_handler("ping", lambda: "pong")
import threading
def told():
    while True:
        try:
            print(node.get_proxy("a").call("ping"), flush=True)
            return
        except Exception:  # not started yet
            threading.Event().wait(0.01)
threading.Thread(target=told, daemon=True).start()
node.serve()
print("served", flush=True)
try:
    node.get_proxy("a").call("ping")
except Exception as error:
    print(error)
"""
    process = subprocess.Popen(
        _script(script), env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "pong\n"
        process.send_signal(asking)
        out, err = process.communicate(timeout=30)
    served, error = out.splitlines()
    assert (served, err, process.returncode) == ("served", "", 0)
    assert "not running" in error


def test_a_script_that_never_stops_its_nodes_leaves_nothing() -> None:
    run = _run(
        """
from oiafed_rpc import GrpcTransport
import asyncio
a = Node("a", "learner", GrpcTransport("127.0.0.1", 0))
a.start()
b = Node("b", "trainer", GrpcTransport())
b.start()
b.connect(f"a@127.0.0.1:{a.transport.port}")
async def numbers():
    try:
        for number in range(10**9):
            yield number
    finally:
        print("ended")
a.register_handler("numbers", numbers)
items = b.get_proxy("a").stream("numbers")
print(next(items), next(items))
"""
    )
    assert (run.stdout, run.stderr, run.returncode) == ("0 1\nended\n", "", 0)


def test_a_forked_child_has_a_loop_of_its_own() -> None:
    run = _run(
        """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of forks where there are threads
before = Node("a", "learner")
before.start()
proxy = before.get_proxy("a")
before.register_handler("ping", lambda: "pong")
print(proxy.call("ping"), flush=True)
child = os.fork()
if child == 0:
    try:
        proxy.call("ping")
    except Exception as error:
        print(error, flush=True)
    with Node("b", "learner") as node:
        node.register_handler("ping", lambda: "pong of b")
        print(node.get_proxy("b").call("ping"), flush=True)
    os._exit(0)
print(os.waitpid(child, 0)[1], proxy.call("ping"))
"""
    )
    pong, error, *more = run.stdout.splitlines()
    assert (pong, more, run.returncode) == ("pong", ["pong of b", "0 pong"], 0), run.stderr
    assert "forked after the node was made" in error
    assert run.stderr == ""


def test_nothing_runs_before_it_is_used() -> None:
    run = _run(
        "import threading, federation.v1.blocking\nprint([each.name for each in threading.enumerate()])",
    )
    assert (run.stdout, run.stderr) == ("['MainThread']\n", "")

"""Nodes made from configuration: each key does what it says."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from federation.v1 import LearnerProxy
from oiafed_rpc import (
    AutoTransport,
    Code,
    ConfigError,
    Context,
    GrpcTransport,
    Interceptor,
    MaxRetriesExceeded,
    MemoryTransport,
    Message,
    Node,
    NodeConfig,
    OutcomeUnknown,
    RetriableError,
    RpcError,
    Serializer,
    Transport,
)
from oiafed_rpc.testing import FaultTransport

from tests.unit.learners import Echo


def _config(node_id: str, role: str = "learner", **sections: Any) -> dict[str, Any]:
    return {"node": {"id": node_id, "role": role}, **sections}


class Marker(Interceptor):
    """Puts a mark on what is sent."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    async def intercept_send(self, message: Message, context: Context) -> Message:
        message.metadata["mark"] = self.mark
        return message


class Reversed(Serializer):
    """Text, backwards."""

    name = "reversed"

    def serialize(self, obj: Any) -> bytes:
        return repr(obj)[::-1].encode()

    def deserialize(self, data: bytes) -> Any:
        import ast

        return ast.literal_eval(data.decode()[::-1])


class Nowhere(Transport):
    """Reaches nobody."""

    async def send(self, target: str, message: Message) -> Message:
        raise RpcError(Code.UNAVAILABLE, "nowhere")

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("memory", MemoryTransport),
        ("grpc", GrpcTransport),
        ("auto", AutoTransport),
        (f"{__name__}:Nowhere", Nowhere),
    ],
)
def test_the_mode_chooses_the_transport(mode: str, kind: type[Transport]) -> None:
    node = Node.from_config(_config("a", transport={"mode": mode}))
    assert type(node.transport) is kind
    assert (node.node_id, node.role) == ("a", "learner")


async def test_nodes_from_files_differ_in_one_line(tmp_path: Path) -> None:
    for mode in ("memory", "grpc", "auto"):
        learner_file = tmp_path / f"learner-{mode}.yaml"
        learner_file.write_text(
            "node: {id: learner_0, role: learner}\n"
            "listen: {host: 127.0.0.1, port: 0}\n"
            f"transport: {{mode: {mode}}}\n"
        )
        async with Node.from_config(learner_file) as learner:
            learner.register_handler("ping", lambda a=0, b=0: "pong")
            port = getattr(learner.transport, "port", 0) or 1
            trainer_file = tmp_path / f"trainer-{mode}.yaml"
            trainer_file.write_text(
                "node: {id: trainer, role: trainer}\n"
                f"connect_to: ['learner_0@127.0.0.1:{port}']\n"
                f"transport: {{mode: {mode}}}\n"
            )
            async with Node.from_config(str(trainer_file)) as trainer:
                assert await trainer.get_proxy("learner_0").call("ping") == "pong", mode
                assert trainer.peers["learner_0"].role == "learner"


async def test_faults_go_around_the_transport_that_the_mode_chooses(caplog: pytest.LogCaptureFixture) -> None:
    faults = {"seed": 1, "rules": [{"kind": "cut", "seconds": 0, "times": 1}]}
    async with (
        Node.from_config(_config("a", transport={"mode": "memory"})) as a,
        Node.from_config(_config("b", transport={"mode": "memory", "faults": faults})) as b,
    ):
        a.register_handler("ping", lambda x=0, y=0: "pong")
        assert isinstance(b.transport, FaultTransport)
        with pytest.raises(OutcomeUnknown):
            await b.get_proxy("a").call("ping")
        assert await b.get_proxy("a").call("ping") == "pong"
        assert [(each.kind, each.target) for each in b.transport.injected] == [("cut", "a")]
    assert "node 'b': 1 rules have things go wrong" in caplog.text


async def test_auto_takes_memory_inside_the_process() -> None:
    class Local:
        pass

    value = Local()
    async with (
        Node.from_config(_config("a", listen={"host": "127.0.0.1", "port": 0})) as a,
        Node.from_config(_config("b", transport={"mode": "auto"})) as b,
    ):
        a.register_handler("same", lambda value, other=None: value is other)
        assert await b.get_proxy("a").call("same", value=value, other=value)


async def test_the_request_timeout_is_the_default_deadline() -> None:
    async with Node.from_config(_config("timed", timeout={"request": 0.2}, transport={"mode": "memory"})) as node:

        @node.register_handler("forever")
        async def forever(a: int = 0, b: int = 0) -> None:
            await asyncio.Event().wait()

        began = time.monotonic()
        with pytest.raises(RpcError) as failure:
            await node.get_proxy("timed").call("forever")
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 1.2


async def test_the_connect_timeout_bounds_the_start() -> None:
    for mode in ("memory", "grpc", "auto"):
        config = _config("a", connect_to=["ghost@127.0.0.1:1"], timeout={"connect": 0.2}, transport={"mode": mode})
        began = time.monotonic()
        with pytest.raises(RpcError, match=r"cannot connect to ghost@127\.0\.0\.1:1 within 0\.2 s"):
            await Node.from_config(config).start()
        assert time.monotonic() - began < 1.2


async def test_all_nodes_that_are_not_there_are_named() -> None:
    ghosts = ["ghost_0@127.0.0.1:1", "ghost_1@127.0.0.1:2"]
    config = _config("a", connect_to=ghosts, timeout={"connect": 0.2}, transport={"mode": "grpc"})
    with pytest.raises(RpcError, match=r"ghost_0@127\.0\.0\.1:1 .*ghost_1@127\.0\.0\.1:2 "):
        await Node.from_config(config).start()


async def test_interceptors_and_serializers_of_ones_own() -> None:
    interceptors = [{"type": f"{__name__}:Marker", "mark": "x"}, {"type": "auth", "token": "s3cret"}]
    transport = {"mode": "grpc", "interceptors": interceptors, "serializer": f"{__name__}:Reversed"}
    listen = {"host": "127.0.0.1", "port": 0}
    async with Node.from_config(_config("callee", listen=listen, transport=transport)) as callee:
        from oiafed_rpc import current_call

        callee.register_handler("mark", lambda value, b=0: [value, dict(current_call().metadata)])
        async with Node.from_config(_config("caller", transport=transport)) as caller:
            await caller.connect(f"callee@127.0.0.1:{callee.transport.port}")
            assert await caller.get_proxy("callee").call("mark", value=(1, "ü")) == [(1, "ü"), {"mark": "x"}]
        plain = {"mode": "grpc", "interceptors": [{"type": "auth", "token": "s3cret"}]}
        async with Node.from_config(_config("other", transport=plain)) as other:
            await other.connect(f"callee@127.0.0.1:{callee.transport.port}")
            assert await other.get_proxy("callee").call("mark", value=1) != []


async def test_accept_and_pickle_allow_bound_what_is_read() -> None:
    listen = {"host": "127.0.0.1", "port": 0}
    strict = {"mode": "grpc", "serializer": f"{__name__}:Reversed", "accept": ["proto"]}
    allowing = {"mode": "grpc", "pickle_allow": [f"{__name__}.LocalThing"]}
    async with (
        Node.from_config(_config("strict", listen=listen, transport=strict)) as callee,
        Node.from_config(_config("allowing", listen=listen, transport=allowing)) as allows,
        Node.from_config(_config("caller", transport={"mode": "grpc"})) as caller,
    ):
        for node in (callee, allows):
            node.register_handler("kind", lambda value, b=0: type(value).__name__)
            await caller.connect(f"{node.node_id}@127.0.0.1:{node.transport.port}")
        with pytest.raises(RpcError, match="'pickle' is not accepted here; accepted: proto, reversed") as failure:
            await caller.get_proxy("strict").call("kind", value=1)
        assert failure.value.code is Code.INVALID_ARGUMENT
        assert await caller.get_proxy("allowing").call("kind", value=LocalThing()) == "LocalThing"


class LocalThing:
    """What no pickle may build unless it is allowed."""


async def test_max_message_size_is_the_limit() -> None:
    small = {"mode": "grpc", "max_message_size": "10KB"}
    listen = {"host": "127.0.0.1", "port": 0}
    async with (
        Node.from_config(_config("small", listen=listen, transport=small)) as callee,
        Node.from_config(_config("caller", transport={"mode": "grpc"})) as caller,
    ):
        callee.register_handler("size", lambda data, b=0: len(data))
        await caller.connect(f"small@127.0.0.1:{callee.transport.port}")
        with pytest.raises(RpcError) as failure:
            await caller.get_proxy("small").call("size", data=b"x" * 20_000)
        assert failure.value.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("transport", "problem"),
    [
        ({"mode": "no.such.module:Class"}, "transport.mode: cannot import 'no.such.module'"),
        ({"mode": f"{__name__}:Missing"}, "transport.mode: module .* has no 'Missing'"),
        ({"mode": f"{__name__}:Marker"}, "transport.mode: missing a required argument: 'mark'"),
        ({"mode": f"{__name__}:LocalThing"}, "transport.mode: .*LocalThing is not a subclass of oiafed_rpc.Transport"),
        ({"serializer": f"{__name__}:LocalThing"}, "transport.serializer: .* not a subclass of oiafed_rpc.Serializer"),
        (
            {"interceptors": [{"type": "logging"}, {"type": f"{__name__}:Marker"}]},
            r"transport.interceptors\[1\]: .*missing a required argument: 'mark'",
        ),
        ({"interceptors": [{"type": "auth", "tokn": "s3cret"}]}, r"interceptors\[0\]: .*'t[ok]+e?n'.*takes \(token"),
        ({"interceptors": [{"type": "logging", "level": "LOUD"}]}, r"interceptors\[0\]: 'LOUD' is no level"),
        ({"interceptors": [{"type": "auth", "token": ""}]}, r"interceptors\[0\]: the token must be"),
    ],
)
def test_what_cannot_be_made_is_named(transport: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as failure:
        Node.from_config(_config("a", transport=transport))
    assert "s3cret" not in str(failure.value)


def test_a_misspelt_key_and_a_missing_variable_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)
    path = tmp_path / "node.yaml"
    path.write_text('node: {id: a, role: "${NO_SUCH_VARIABLE}"}\ntransprot: {mode: memory}\n')
    with pytest.raises(ConfigError) as failure:
        Node.from_config(path)
    text = str(failure.value)
    assert f"{path}:2:1: transprot: unknown key (did you mean 'transport'?)" in text
    assert "NO_SUCH_VARIABLE is not set" in text


def test_what_cannot_be_made_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "node.yaml"
    path.write_text("node: {id: a, role: x}\ntransport: {interceptors: [{type: auth, tokn: s3cret}]}\n")
    with pytest.raises(ConfigError, match=r"node\.yaml: transport\.interceptors\[0\]: .*it takes \(token") as failure:
        Node.from_config(path)
    assert "s3cret" not in str(failure.value)


def _forms(tmp_path: Path, config: dict[str, Any]) -> list[Any]:
    """One configuration as a mapping, as a file, and as made in code."""
    path = tmp_path / "node.yaml"
    path.write_text(yaml.safe_dump(config))
    return [config, path, NodeConfig.load(config)]


@pytest.mark.parametrize("form", [0, 1, 2])
async def test_retry_is_as_configured(tmp_path: Path, form: int) -> None:
    retry = {"max_attempts": 4, "backoff_strategy": "constant", "initial_delay": 0.001, "max_delay": 0.002}
    callee = Node("retry_callee", "learner")
    runs = 0

    def flaky(a: int = 0, b: int = 0) -> int:
        nonlocal runs
        runs += 1
        raise RetriableError("not yet")

    callee.register_handler("flaky", flaky)
    config = _config("retry_caller", retry=retry, transport={"mode": "memory"})
    async with callee, Node.from_config(_forms(tmp_path, config)[form]) as caller:
        proxy = caller.get_proxy("retry_callee").with_options(idempotent=True)
        with pytest.raises(MaxRetriesExceeded, match="4 attempts failed") as failure:
            await proxy.call("flaky")
        assert (runs, failure.value.attempts) == (4, 4)
        with pytest.raises(RetriableError):
            await proxy.with_options(retry=False).call("flaky")
        assert runs == 5


class Deaf(Interceptor):
    """Lets no message of the protocol itself through while it is deaf."""

    heard: asyncio.Event | None = None

    async def intercept_receive(self, message: Message, context: Context) -> Message:
        if Deaf.heard is not None and message.spec is not None and message.spec.provided:
            await Deaf.heard.wait()
        return message


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_heartbeat_is_as_configured(enabled: bool) -> None:
    heartbeat = {"enabled": enabled, "interval": 0.05, "timeout": 0.15}
    transport = {"mode": "grpc", "interceptors": [{"type": f"{__name__}:Deaf"}]}
    config = _config("deaf", listen={"host": "127.0.0.1", "port": 0}, transport=transport, timeout={"grace": 0})
    async with (
        Node.from_config(config) as callee,
        Node.from_config(_config("beats", "trainer", heartbeat=heartbeat, transport={"mode": "grpc"})) as caller,
    ):
        lost = asyncio.Event()
        caller.on("lost", lambda peer: lost.set())
        await caller.connect(f"deaf@127.0.0.1:{callee.transport.port}")
        Deaf.heard = asyncio.Event()
        try:
            if enabled:
                await asyncio.wait_for(lost.wait(), 5)
                assert caller.peers["deaf"].state == "lost"
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(lost.wait(), 0.4)
        finally:
            Deaf.heard.set()
            Deaf.heard = None


async def test_the_grace_is_as_configured() -> None:
    for grace, outcome in ((0, "stopped before"), (5, "done")):
        config = _config("graceful", timeout={"grace": grace}, transport={"mode": "memory"})
        node, caller = Node.from_config(config), Node("graceful_caller", "trainer")
        began, finish = asyncio.Event(), asyncio.Event()

        @node.register_handler("slow")
        async def slow(a: int = 0, b: int = 0, began: Any = began, finish: Any = finish) -> str:
            began.set()
            await finish.wait()
            return "done"

        async with caller:
            await node.start()
            call = asyncio.create_task(caller.get_proxy("graceful").call("slow"))
            await began.wait()
            stopping = asyncio.create_task(node.stop())
            if grace:
                await asyncio.sleep(0)
                finish.set()
                assert await call == outcome
            else:
                with pytest.raises(RpcError, match=outcome):
                    await call
            await stopping


@pytest.mark.parametrize("debug", [True, False])
async def test_tracebacks_are_told_in_debug_mode(debug: bool) -> None:
    config = {"node": {"id": "debugged", "role": "learner", "debug": debug}, "transport": {"mode": "memory"}}
    async with Node.from_config(config) as node, Node("debugger", "trainer") as caller:

        def fails(a: int = 0, b: int = 0) -> None:
            raise ValueError("told")

        node.register_handler("fails", fails)
        with pytest.raises(RpcError, match="told") as failure:
            await caller.get_proxy("debugged").call("fails")
        assert ("in fails" in failure.value.details.get("traceback", "")) is debug


@pytest.mark.parametrize("name", ["json", "proto", "pickle"])
async def test_the_serializer_sets_both_sorts_of_calls(name: str) -> None:
    seen: list[str] = []

    class Watching(Interceptor):
        async def intercept_receive(self, message: Message, context: Context) -> Message:
            if message.arrival is not None and message.spec is not None and not message.spec.provided:
                seen.append(message.serializer)
            return message

    callee = Node("serialized", "learner", GrpcTransport("127.0.0.1", 0), interceptors=[Watching()])
    callee.register(Echo())
    callee.register_handler("plain", lambda value, other=None: value)
    config = _config("serializing", "trainer", transport={"mode": "grpc", "serializer": name})
    async with callee, Node.from_config(config) as caller:
        await caller.connect(f"serialized@127.0.0.1:{callee.transport.port}")
        assert (await caller.get_proxy("serialized", LearnerProxy).describe()).samples == 7
        assert await caller.get_proxy("serialized").call("plain", value={"x": [1, 2.5, None]}) == {"x": [1, 2.5, None]}
    assert seen[0] == ("" if name == "proto" else name)


async def test_compression_from_a_file_makes_bodies_smaller(tmp_path: Path) -> None:
    sizes: list[int] = []

    class Measuring(Interceptor):
        async def intercept_receive(self, message: Message, context: Context) -> Message:
            if isinstance(message.payload, bytes):
                sizes.append(len(message.payload))
            return message

    callee = Node("unpacking", "learner", GrpcTransport("127.0.0.1", 0), interceptors=[Measuring()])
    callee.register_handler("size", lambda data, other=None: len(data))
    interceptors = [{"type": "compression", "level": 1, "shuffle": False}]
    config = _config("packing", "trainer", transport={"mode": "grpc", "interceptors": interceptors})
    async with callee, Node.from_config(_forms(tmp_path, config)[1]) as caller:
        await caller.connect(f"unpacking@127.0.0.1:{callee.transport.port}")
        assert await caller.get_proxy("unpacking").call("size", data=b"x" * 100_000) == 100_000
    assert max(sizes) < 5_000


async def test_a_node_listens_on_a_unix_socket(tmp_path: Path) -> None:
    where = f"unix:{tmp_path}/node.sock"
    listening = _config("by_socket", listen={"host": where}, transport={"mode": "grpc"})
    calling = _config("to_socket", connect_to=[f"by_socket@{where}"], transport={"mode": "grpc"})
    async with Node.from_config(listening) as callee, Node.from_config(calling) as caller:
        callee.register_handler("ping", lambda a=0, b=0: "pong")
        assert await caller.get_proxy("by_socket").call("ping") == "pong"
        second = Node.from_config(_config("second", listen={"host": where}, transport={"mode": "grpc"}))
        with pytest.raises(ConfigError, match="the socket is in use"):
            await second.start()
    assert not (tmp_path / "node.sock").exists()
    (tmp_path / "node.sock").write_text("a file")
    with pytest.raises(ConfigError, match="it is no socket"):
        await Node.from_config(listening).start()

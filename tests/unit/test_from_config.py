"""Nodes made from configuration: each key does what it says."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from oiafed_rpc import (
    AutoTransport,
    Code,
    ConfigError,
    Context,
    GrpcTransport,
    Interceptor,
    MemoryTransport,
    Message,
    Node,
    RpcError,
    Serializer,
    Transport,
)


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

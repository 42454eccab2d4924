"""What calls pass through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from federation.v1 import LearnerProxy
from oiafed_rpc import (
    AuthError,
    AuthInterceptor,
    CallNext,
    Code,
    CompressionInterceptor,
    Context,
    GrpcTransport,
    Interceptor,
    LoggingInterceptor,
    MemoryNetwork,
    MemoryTransport,
    Message,
    Node,
    RpcError,
    Side,
)


class Recorder(Interceptor):
    def __init__(self, name: str, seen: list[str]) -> None:
        self.name = name
        self.seen = seen

    async def intercept_send(self, message: Message, context: Context) -> Message:
        self.seen.append(f"{context.node_id} sends {self.name}")
        return message

    async def intercept_receive(self, message: Message, context: Context) -> Message:
        self.seen.append(f"{context.node_id} receives {self.name}")
        return message


@asynccontextmanager
async def _pair(
    kind: str, ours: Sequence[Interceptor], theirs: Sequence[Interceptor]
) -> AsyncIterator[tuple[Node, Node]]:
    network = MemoryNetwork()

    def transport() -> Any:
        return GrpcTransport("127.0.0.1", 0) if kind == "grpc" else MemoryTransport(network)

    callee = Node("callee", "learner", transport(), interceptors=theirs)
    caller = Node("caller", "trainer", transport(), interceptors=ours)

    @callee.register_handler("ping")
    async def ping(a: int = 0, b: int = 0) -> str:
        return "pong"

    @callee.register_handler("count")
    async def count(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        yield 1
        yield 2

    async with callee, caller:
        yield caller, callee


def _address(node: Node) -> str:
    return f"callee@127.0.0.1:{getattr(node.transport, 'port', 1)}"


KINDS = ["memory", "grpc"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [False, True])
async def test_the_order_is_as_listed_out_and_reversed_in(kind: str, stream: bool) -> None:
    seen: list[str] = []
    both = [Recorder("first", seen), Recorder("second", seen)]
    async with _pair(kind, both, both) as (caller, callee):
        await caller.connect(_address(callee))
        seen.clear()
        proxy = caller.get_proxy("callee")
        if stream:
            assert [item async for item in proxy.stream("count")] == [1, 2]
        else:
            assert await proxy.call("ping") == "pong"
    out = ["caller sends first", "caller sends second"]
    into = ["callee receives second", "callee receives first"]
    back = ["callee sends first", "callee sends second"]
    home = ["caller receives second", "caller receives first"]
    if stream:  # a stream's reply at the caller is its iterator, which is there before the request has arrived
        assert sorted(seen) == sorted(out + into + back + home)
        assert [each for each in seen if each.startswith("callee")] == into + back
    else:
        assert seen == out + into + back + home


@pytest.mark.parametrize("kind", KINDS)
async def test_an_interceptor_can_answer_by_itself(kind: str) -> None:
    class Cache(Interceptor):
        async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
            if context.side is Side.CALLER and message.method == "ping":
                return message.reply("cached")
            return await call_next(message)

    async with _pair(kind, [Cache()], []) as (caller, callee):
        await caller.connect(_address(callee))
        assert await caller.get_proxy("callee").call("ping") == "cached"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failing_interceptor_is_a_typed_error(kind: str) -> None:
    class Broken(Interceptor):
        async def intercept_receive(self, message: Message, context: Context) -> Message:
            raise ZeroDivisionError("oops")

    async with _pair(kind, [], [Broken()]) as (caller, callee):
        with pytest.raises(RpcError, match="ZeroDivisionError: oops") as failure:
            await caller.connect(_address(callee)) if kind == "grpc" else await caller.get_proxy("callee").call("ping")
        assert failure.value.code is Code.INTERNAL


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("token", [None, "wrong", "right "[:4]])
async def test_without_the_token_nothing_is_answered(kind: str, token: str | None) -> None:
    ours = [AuthInterceptor(token)] if token else []
    async with _pair(kind, ours, [AuthInterceptor("right")]) as (caller, callee):
        with pytest.raises(RpcError, match="its token is wrong" if token else "it has no token") as failure:
            await caller.connect(_address(callee))
        assert failure.value.code is Code.UNAUTHENTICATED
        if kind == "memory":
            with pytest.raises(AuthError):
                await caller.get_proxy("callee").call("unknown method")
            with pytest.raises(AuthError):
                async for _ in caller.get_proxy("callee").stream("count"):
                    pass


@pytest.mark.parametrize("kind", KINDS)
async def test_with_the_token_everything_is(kind: str) -> None:
    async with _pair(kind, [AuthInterceptor("s3cret")], [AuthInterceptor("s3cret")]) as (caller, callee):
        await caller.connect(_address(callee))
        proxy = caller.get_proxy("callee")
        assert await proxy.call("ping") == "pong"
        assert [item async for item in proxy.stream("count")] == [1, 2]
        assert dict(await caller.get_collection(targets=["callee"]).broadcast("ping")) == {"callee": "pong"}


async def test_the_token_is_checked_before_the_body_is_decoded() -> None:
    async with _pair("grpc", [], [AuthInterceptor("s3cret")]) as (_, callee):
        from grpc import aio

        async with aio.insecure_channel(f"127.0.0.1:{callee.transport.port}") as channel:
            for path in ("/oiafed.v1.Dynamic/Call", "/oiafed.v1.Node/Hello", "/no.such/Method"):
                with pytest.raises(aio.AioRpcError) as failure:
                    await channel.unary_unary(path)(b"\xff not a message", timeout=5)
                assert failure.value.code().name == "UNAUTHENTICATED", path


async def test_handlers_do_not_see_the_token() -> None:
    async with _pair("memory", [AuthInterceptor("s3cret")], [AuthInterceptor("s3cret")]) as (caller, callee):
        from oiafed_rpc import current_call

        callee.register_handler("metadata", lambda a=0, b=0: dict(current_call().metadata))
        proxy = caller.get_proxy("callee").with_options(metadata={"k": "v"})
        assert await proxy.call("metadata") == {"k": "v"}


@pytest.mark.parametrize("token", ["", "ü", " x", "x\n"])
def test_a_token_that_cannot_travel_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="the token must be printable ASCII"):
        AuthInterceptor(token)


async def test_calls_are_logged_without_their_payload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "oiafed_rpc")
    async with _pair("memory", [LoggingInterceptor()], [LoggingInterceptor("debug")]) as (caller, _):
        proxy = caller.get_proxy("callee").with_options(metadata={"key": "metadata-value"})
        await proxy.call("ping", a="payload-value")
        with pytest.raises(RpcError):
            await caller.get_proxy("callee", LearnerProxy).describe()
    assert "caller -> callee ping took" in caplog.text
    assert "caller -> callee federation.v1.Learner/Describe failed after" in caplog.text
    assert "UNIMPLEMENTED" in caplog.text
    assert "callee <- caller ping" not in caplog.text
    assert "-value" not in caplog.text


async def test_streams_and_deadlines_are_logged_when_they_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "oiafed_rpc")
    async with _pair("memory", [LoggingInterceptor()], []) as (caller, callee):

        @callee.register_handler("forever")
        async def forever(a: int = 0, b: int = 0) -> None:
            await asyncio.Event().wait()

        items = caller.get_proxy("callee").stream("count")
        assert await anext(items) == 1
        assert "count took" not in caplog.text
        assert [item async for item in items] == [2]
        assert "count took" in caplog.text
        with pytest.raises(RpcError):
            await caller.get_proxy("callee").with_options(timeout=0.05).call("forever")
    assert "forever failed after" in caplog.text


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'LOUD' is no level"):
        LoggingInterceptor("LOUD")


async def test_a_broadcast_shares_no_bytes_that_were_made_in_another_way() -> None:
    class Some(CompressionInterceptor):
        async def intercept_send(self, message: Message, context: Context) -> Message:
            return await super().intercept_send(message, context) if message.target == "one" else message

    network = MemoryNetwork()
    nodes = [Node(name, "learner", MemoryTransport(network, serialize=True)) for name in ("one", "two")]
    caller = Node("caller", "trainer", MemoryTransport(network, serialize=True), interceptors=[Some()])
    async with nodes[0], nodes[1], caller:
        for node in nodes:
            node.register_handler("size", lambda data, other=None: len(data))
        replies = await caller.get_collection(targets=["one", "two"]).broadcast("size", data=b"x" * 10_000)
        assert dict(replies) == {"one": 10_000, "two": 10_000}

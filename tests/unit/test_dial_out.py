"""Nodes that listen nowhere, and are called over the streams that they open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from federation.v1 import FitConfig, LearnerCollection, LearnerProxy
from grpc import aio
from oiafed_rpc import (
    AuthError,
    AuthInterceptor,
    AutoTransport,
    Code,
    GrpcTransport,
    HeartbeatManager,
    MemoryNetwork,
    MemoryTransport,
    Node,
    OutcomeUnknown,
    RetriableError,
    RpcError,
    Tensors,
    Transport,
    current_call,
)
from oiafed_rpc.config import LanesConfig
from oiafed_rpc.system.wire.dial_out_pb2 import CallHead, CallPart, Header, ReplyPart
from oiafed_rpc.system.wire.node_pb2 import HelloReply, HelloRequest
from oiafed_rpc.testing import FaultProxy, FaultTransport
from oiafed_rpc.transport.grpc.dial_out import keeper
from oiafed_rpc.transport.grpc.dial_out.channel import DialInCall

from tests.certificates import Authority
from tests.unit.learners import Echo

SOON = 10.0
SERVE = "/oiafed.v1.DialOut/Serve"
STREAM_ALONE = LanesConfig(socket=False, shared_memory=False)


def _port(node: Node) -> int:
    return int(node.transport.port)  # type: ignore[attr-defined]


async def _dial(learner: Node, trainer: Node) -> None:
    """Have a learner connect to a trainer, and wait until it can be called."""
    there = asyncio.Event()
    take_back = trainer.on("connected", lambda peer: peer.node_id == learner.node_id and there.set())
    await learner.connect(f"{trainer.node_id}@127.0.0.1:{_port(trainer)}")
    await asyncio.wait_for(there.wait(), SOON)
    take_back()


def _trainer(node_id: str = "trainer", transport: Transport | None = None, **options: Any) -> Node:
    return Node(node_id, "trainer", transport or GrpcTransport("127.0.0.1", 0), **options)


def _learner(node_id: str = "learner_0", transport: Transport | None = None, **options: Any) -> Node:
    node = Node(node_id, "learner", transport or GrpcTransport(), **options)
    node.register(Echo())
    node.register_handler("ping", lambda a=0, b=0: "pong")
    return node


@contextlib.asynccontextmanager
async def _pair(**options: Any) -> AsyncIterator[tuple[Node, Node]]:
    async with _trainer(**options) as trainer, _learner(**options) as learner:
        await _dial(learner, trainer)
        yield trainer, learner


async def test_it_is_called_as_any_other() -> None:
    async with _pair() as (trainer, _):
        peer = trainer.peers["learner_0"]
        assert (peer.role, peer.address, peer.state) == ("learner", "dial-out", "connected")
        proxy = trainer.get_proxy("learner_0", LearnerProxy)
        assert (await proxy.describe()).samples == 7
        assert [each.epoch async for each in proxy.watch(0.5)] == [0, 1, 2]
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"


async def test_many_are_called_at_once() -> None:
    async with contextlib.AsyncExitStack() as stack:
        trainer = await stack.enter_async_context(_trainer())
        for number in range(4):
            await _dial(await stack.enter_async_context(_learner(f"learner_{number}")), trainer)
        learners = await trainer.wait_for_peers(role="learner", count=4, timeout=SOON)
        weights = Tensors(w=np.ones(1 << 19, dtype=np.float32))
        replies = await trainer.get_collection(LearnerCollection).fit(weights=weights, config=FitConfig(epochs=1))
        assert sorted(replies) == [peer.node_id for peer in learners]
        assert all(np.array_equal(reply.weights["w"], weights["w"]) for reply in replies.values())


@pytest.mark.parametrize("lanes", [None, STREAM_ALONE])
async def test_large_payloads_travel_both_ways(lanes: LanesConfig | None) -> None:
    transport = GrpcTransport("127.0.0.1", 0, lanes=lanes), GrpcTransport(lanes=lanes)
    async with _trainer(transport=transport[0]) as trainer, _learner(transport=transport[1]) as learner:
        await _dial(learner, trainer)
        ways: list[str] = []
        proxy = trainer.get_proxy("learner_0", LearnerProxy).with_options(
            progress=lambda transfer: ways.append(transfer.lane)
        )
        weights = Tensors(w=np.arange(1 << 21, dtype=np.float32), v=np.zeros(0))
        reply = await proxy.fit(weights=weights, config=FitConfig(epochs=3))
        assert np.array_equal(reply.weights["w"], weights["w"])
        assert set(ways) == {"stream" if lanes else "shared_memory"}


async def test_more_calls_than_streams() -> None:
    async with _pair() as (trainer, learner):
        release, running = asyncio.Event(), 0
        full = asyncio.Event()

        async def wait(a: int = 0, b: int = 0) -> int:
            nonlocal running
            running += 1
            if running == keeper.MOST - 1:  # one has the attendance
                full.set()
            await release.wait()
            return a

        learner.register_handler("wait", wait)
        proxy = trainer.get_proxy("learner_0")
        calls = [asyncio.create_task(proxy.call("wait", a=each)) for each in range(150)]
        await asyncio.wait_for(full.wait(), SOON)
        release.set()
        assert await asyncio.wait_for(asyncio.gather(*calls), SOON) == list(range(150))


async def test_a_call_ends_at_its_deadline_and_others_go_on() -> None:
    async with _pair() as (trainer, learner):
        ended = asyncio.Event()

        async def never(a: int = 0, b: int = 0) -> None:
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.set()

        learner.register_handler("never", never)
        proxy = trainer.get_proxy("learner_0")
        with pytest.raises(RpcError) as failure:
            await proxy.with_options(timeout=0.1).call("never")
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        await asyncio.wait_for(ended.wait(), SOON)
        assert await proxy.call("ping") == "pong"


async def test_a_cancelled_call_ends_its_handler_although_its_request_waits() -> None:
    async with _pair() as (trainer, learner):
        begun, ended = asyncio.Event(), asyncio.Event()

        async def take(items: AsyncIterator[bytes]) -> None:
            begun.set()
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                ended.set()

        async def items() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1 << 16)

        learner.register_handler("take", take, unpack=True)
        calling = asyncio.create_task(trainer.get_proxy("learner_0").call("take", items=items()))
        await asyncio.wait_for(begun.wait(), SOON)
        calling.cancel()
        await asyncio.wait([calling])
        await asyncio.wait_for(ended.wait(), SOON)


async def test_a_call_goes_on_while_its_node_connects_anew() -> None:
    async with _pair() as (trainer, learner):
        begun, release = asyncio.Event(), asyncio.Event()

        async def wait(a: int = 0, b: int = 0) -> str:
            begun.set()
            await release.wait()
            return "done"

        learner.register_handler("wait", wait)
        calling = asyncio.create_task(trainer.get_proxy("learner_0").call("wait"))
        await asyncio.wait_for(begun.wait(), SOON)
        learner.transport.doubt("trainer")
        await learner.connect(f"trainer@127.0.0.1:{_port(trainer)}")
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"
        release.set()
        assert await asyncio.wait_for(calling, SOON) == "done"


async def test_two_nodes_call_one() -> None:
    async with _trainer("one") as one, _trainer("two") as two, _learner() as learner:
        await asyncio.gather(_dial(learner, one), _dial(learner, two))
        calls = [node.get_proxy("learner_0").call("ping") for node in (one, two) for _ in range(20)]
        assert await asyncio.gather(*calls) == ["pong"] * 40
        await one.stop()
        assert await two.get_proxy("learner_0").call("ping") == "pong"


async def test_a_node_that_listens_may_be_called_so_as_well() -> None:
    async with _trainer() as trainer, _learner(transport=GrpcTransport("127.0.0.1", 0, dial_out=True)) as hub:
        await _dial(hub, trainer)
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"
        async with _learner("below") as below:
            await _dial(below, hub)
            assert await hub.get_proxy("below").call("ping") == "pong"


async def test_one_that_shall_not_be_called_is_not() -> None:
    async with _trainer() as trainer, _learner(transport=GrpcTransport(dial_out=False)) as learner:
        await learner.connect(f"trainer@127.0.0.1:{_port(trainer)}")
        with pytest.raises(RpcError, match="is not connected"):
            await trainer.get_proxy("learner_0").call("ping")


async def test_auto_has_it_too() -> None:
    def transport(host: str | None) -> Transport:
        return AutoTransport(GrpcTransport(host), MemoryTransport(MemoryNetwork()))

    grpc_part = GrpcTransport("127.0.0.1", 0)
    trainer = _trainer(transport=AutoTransport(grpc_part, MemoryTransport(MemoryNetwork())))
    async with trainer, _learner(transport=transport(None)) as learner:
        await learner.connect(f"trainer@127.0.0.1:{grpc_part.port}")
        await trainer.wait_for_peers(role="learner", timeout=SOON)
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"


async def test_faults_are_put_around_it() -> None:
    trainer = _trainer(transport=FaultTransport(GrpcTransport("127.0.0.1", 0)))
    async with trainer, _learner(transport=FaultTransport(GrpcTransport())) as learner:
        await _dial(learner, trainer)
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"


# Who is who


async def test_both_ways_the_token_is_asked_for() -> None:
    async with _pair(interceptors=[AuthInterceptor("right")]) as (trainer, _):
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"
    async with _trainer(interceptors=[AuthInterceptor("right")]) as trainer:
        async with _learner(interceptors=[AuthInterceptor("wrong")]) as learner:
            with pytest.raises(AuthError):
                await _dial(learner, trainer)
        assert trainer.peers == {}


async def test_mutual_tls_proves_who_calls(tmp_path: Any) -> None:
    authority = Authority(tmp_path)
    listening = GrpcTransport("127.0.0.1", 0, tls=authority.mutual("trainer"))
    dialing = GrpcTransport(tls=authority.mutual("learner_0"))
    async with _trainer(transport=listening) as trainer, _learner(transport=dialing) as learner:

        async def who(a: int = 0, b: int = 0) -> list[Any]:
            call = current_call()
            return [call.source, call.role, call.peer_identity and list(call.peer_identity)]

        learner.register_handler("who", who)
        await _dial(learner, trainer)
        assert await trainer.get_proxy("learner_0").call("who") == ["trainer", "trainer", ["trainer"]]


# Ends


async def test_who_stops_has_left_and_comes_back_as_another() -> None:
    async with _trainer() as trainer:
        told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        for event in ("connected", "left", "lost"):
            trainer.on(event, lambda peer, event=event: told.put_nowait((event, peer.epoch)))  # type: ignore[call-overload]
        epochs = []
        for _ in range(2):
            async with _learner() as learner:
                await _dial(learner, trainer)
                event, epoch = await asyncio.wait_for(told.get(), SOON)
                assert event == "connected"
                epochs.append(epoch)
            assert await asyncio.wait_for(told.get(), SOON) == ("left", epoch)
        assert len(set(epochs)) == 2
        with pytest.raises(RpcError) as failure:
            await trainer.get_proxy("learner_0").with_options(retry=False).call("ping")
        assert failure.value.code is Code.UNAVAILABLE


async def test_a_call_is_cancelled_behind_a_request_that_nobody_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended, written = asyncio.Event(), asyncio.Event(), asyncio.Event()
    done_writing = DialInCall.done_writing

    async def noted(self: DialInCall) -> None:
        await done_writing(self)
        written.set()

    async def total(numbers: AsyncIterator[int]) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return 0

    monkeypatch.setattr(DialInCall, "done_writing", noted)
    async with _trainer(heartbeat=False) as trainer, _learner() as learner:
        learner.register_handler("total", total)
        await _dial(learner, trainer)
        calling = asyncio.create_task(trainer.get_proxy("learner_0").call("total", numbers=_numbers()))
        await asyncio.wait_for(asyncio.gather(begun.wait(), written.wait()), SOON)
        calling.cancel()
        await asyncio.wait_for(ended.wait(), SOON)


async def _numbers() -> AsyncIterator[int]:
    for number in range(5):
        yield number


async def test_a_link_that_breaks_fails_the_call_and_the_next_connection_serves_again() -> None:
    """Cut by a proxy that both sides take for the other."""
    async with _trainer(heartbeat=HeartbeatManager(0.05, 0.2)) as trainer, FaultProxy(port=_port(trainer)) as relay:
        events: asyncio.Queue[str] = asyncio.Queue()
        trainer.on("lost", lambda peer: events.put_nowait("lost"))
        trainer.on("recovered", lambda peer: events.put_nowait("recovered"))
        async with _learner() as learner:
            begun = asyncio.Event()

            async def never(a: int = 0, b: int = 0) -> None:
                begun.set()
                await asyncio.get_running_loop().create_future()

            learner.register_handler("never", never)
            await learner.connect(f"trainer@127.0.0.1:{relay.port}")
            await trainer.wait_for_peers(role="learner", timeout=SOON)
            proxy = trainer.get_proxy("learner_0").with_options(retry=False)
            calling = asyncio.create_task(proxy.call("never"))
            await asyncio.wait_for(begun.wait(), SOON)
            relay.cut()
            with pytest.raises((OutcomeUnknown, RetriableError)):
                await asyncio.wait_for(calling, 2)
            async with asyncio.timeout(SOON):
                while True:
                    with contextlib.suppress(RpcError):
                        assert await proxy.call("ping") == "pong"
                        break
                    await asyncio.sleep(0.02)


# What bad input comes to


@pytest.mark.parametrize(
    "first",
    [
        b"\xff\xff",
        b"",
        ReplyPart(leaving=True).SerializeToString(),
        ReplyPart(hello=HelloRequest(node_id="x", role="learner", incarnation="1")).SerializeToString()[:-1],
    ],
)
async def test_a_stream_that_begins_wrongly_is_refused(first: bytes) -> None:
    async with _trainer() as trainer, aio.insecure_channel(f"127.0.0.1:{_port(trainer)}") as channel:
        call = channel.stream_stream(SERVE)()
        await call.write(first)
        with pytest.raises(aio.AioRpcError) as failure:
            await asyncio.wait_for(call.read(), SOON)
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert trainer.peers == {}


async def test_a_stream_that_goes_wrong_later_is_ended() -> None:
    async with _trainer() as trainer, aio.insecure_channel(f"127.0.0.1:{_port(trainer)}") as channel:
        call = channel.stream_stream(SERVE)()
        hello = HelloRequest(node_id="x", role="learner", incarnation="1")
        await call.write(ReplyPart(hello=hello).SerializeToString())
        assert CallPart.FromString(await call.read()).hello.node_id == "trainer"
        await call.write(b"\xff\xff")
        async with asyncio.timeout(SOON):
            while await call.read() is not aio.EOF:  # the node introduces itself
                pass
        assert await call.code() is grpc.StatusCode.OK


async def test_the_id_of_a_node_that_is_there_is_not_given_to_another() -> None:
    async with _pair() as (trainer, _), aio.insecure_channel(f"127.0.0.1:{_port(trainer)}") as channel:
        call = channel.stream_stream(SERVE)()
        hello = HelloRequest(node_id="learner_0", role="learner", incarnation="another")
        await call.write(ReplyPart(hello=hello).SerializeToString())
        with pytest.raises(aio.AioRpcError) as failure:
            await asyncio.wait_for(call.read(), SOON)
        assert failure.value.code() is grpc.StatusCode.ALREADY_EXISTS
        assert await trainer.get_proxy("learner_0").call("ping") == "pong"


class _Stranger(grpc.GenericRpcHandler):
    """A node that was dialed and does not keep to the protocol."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts
        self.came: asyncio.Queue[ReplyPart] = asyncio.Queue()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        if handler_call_details.method == SERVE:
            return grpc.stream_stream_rpc_method_handler(self._serve)
        if handler_call_details.method == "/oiafed.v1.Node/Hello":
            return grpc.unary_unary_rpc_method_handler(self._hello)
        return None

    @staticmethod
    async def _hello(_: bytes, __: Any) -> bytes:
        return HelloReply(node_id="trainer", role="trainer", incarnation="1").SerializeToString()

    async def _serve(self, _: Any, context: Any) -> None:
        await context.read()
        await context.write(CallPart(hello=HelloReply.FromString(await self._hello(b"", None))).SerializeToString())
        for part in self._parts:
            await context.write(part)
        while (data := await context.read()) is not aio.EOF:
            self.came.put_nowait(ReplyPart.FromString(data))


def _call(path: str, **fields: Any) -> bytes:
    headers = [Header(key="oiafed-method", value=b"ping")]
    return CallPart(head=CallHead(path=path, headers=headers), **fields).SerializeToString()


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([_call("/no.such.Service/Method", body=b"", end=True)], grpc.StatusCode.UNIMPLEMENTED),
        ([_call("no path", body=b"", end=True)], grpc.StatusCode.UNIMPLEMENTED),
        ([_call("/oiafed.v1.Node/Hello", body=b"\xff", end=True)], grpc.StatusCode.INVALID_ARGUMENT),
        ([_call("/federation.v1.Learner/Fit", end=True)], grpc.StatusCode.PERMISSION_DENIED),
        (
            [CallPart(body=b"of no call", end=True).SerializeToString(), _call("/a/b", end=True)],
            grpc.StatusCode.UNIMPLEMENTED,
        ),
        ([b"\xff"], None),
        ([_call("/federation.v1.Learner/Describe"), b"\xff"], None),
    ],
)
async def test_a_node_that_was_dialed_may_send_anything(parts: list[bytes], code: grpc.StatusCode | None) -> None:
    stranger = _Stranger(parts)
    server = aio.server()
    server.add_generic_rpc_handlers((stranger,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with _learner(heartbeat=False) as learner:
            await learner.connect(f"trainer@127.0.0.1:{port}")
            if code is not None:
                part = await asyncio.wait_for(stranger.came.get(), SOON)
                assert part.end.code == code.value[0]
    finally:
        await server.stop(None)

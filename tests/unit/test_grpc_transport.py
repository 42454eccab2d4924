"""What only the transport over sockets has: ports, other nodes' addresses, hostile bytes, plain gRPC clients."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from typing import Any, cast

import pytest
from federation.v1 import FitConfig, FitResult, LearnerProxy, NotReady
from federation.v1.wire import federation_pb2
from grpc import StatusCode, aio
from oiafed_rpc import (
    AuthError,
    AuthInterceptor,
    Code,
    ConfigError,
    GrpcTransport,
    Message,
    Node,
    RetriableError,
    RpcError,
    Serializers,
)
from oiafed_rpc.config import DeliveryConfig
from oiafed_rpc.testing import FaultProxy
from oiafed_rpc.transport.grpc.client import GrpcChannel
from oiafed_rpc.transport.grpc.failures import error_from
from oiafed_rpc.wire import Wire

from tests.unit.learners import Echo


async def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = Node("a", "learner", GrpcTransport("127.0.0.1", port))
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}: the port is in use"):
            await node.start()


async def test_two_nodes_never_share_a_port() -> None:
    async with Node("a", "learner", GrpcTransport("127.0.0.1", 0)) as first:
        second = Node("b", "learner", GrpcTransport("127.0.0.1", first.transport.port))
        with pytest.raises(ConfigError, match="the port is in use"):
            await second.start()


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
async def test_an_address_that_is_not_ours_is_named(host: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on {host}:0: "):
        await Node("a", "learner", GrpcTransport(host, 0)).start()


@pytest.mark.parametrize("token", [None, "s3cret"])
@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
async def test_an_open_door_is_warned_of(host: str, token: str | None, caplog: pytest.LogCaptureFixture) -> None:
    interceptors = [AuthInterceptor(token)] if token else []
    async with Node("a", "learner", GrpcTransport(host, 0), interceptors=interceptors):
        pass
    assert ("without checking who calls" in caplog.text) is (host == "0.0.0.0" and token is None)


async def test_another_node_at_the_address_is_named() -> None:
    async with (
        Node("right", "learner", GrpcTransport("127.0.0.1", 0)) as right,
        Node("caller", "trainer", GrpcTransport()) as caller,
    ):
        began = time.monotonic()
        with pytest.raises(RpcError, match="node 'right' answers here, but the call is for 'wrong'") as failure:
            await caller.connect(f"wrong@127.0.0.1:{right.transport.port}")
        assert failure.value.code is Code.NOT_FOUND
        assert time.monotonic() - began < 5


async def test_who_refuses_the_connection_is_said() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = Node("a", "trainer", GrpcTransport(), connect_to=[f"b@127.0.0.1:{port}"], connect_timeout=0.5)
    with pytest.raises(RpcError, match=rf"cannot connect to b@127\.0\.0\.1:{port} within 0\.5 s.*refused"):
        await node.start()


async def test_a_peer_that_accepts_and_says_nothing_is_given_up() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        node = Node("a", "trainer", GrpcTransport(), connect_timeout=0.5)
        async with node:
            began = time.monotonic()
            with pytest.raises(RpcError, match=r"within 0\.5 s") as failure:
                await node.connect(f"b@127.0.0.1:{mute.getsockname()[1]}")
            assert failure.value.code is Code.UNAVAILABLE
            assert time.monotonic() - began < 1.5


async def test_a_plain_grpc_client_calls_typed_methods() -> None:
    async with Node("l", "learner", GrpcTransport("127.0.0.1", 0)) as node:
        node.register(Echo())
        async with aio.insecure_channel(f"127.0.0.1:{node.transport.port}") as channel:
            describe = channel.unary_unary(
                "/federation.v1.Learner/Describe",
                federation_pb2.LearnerDescribeRequest.SerializeToString,
                federation_pb2.LearnerInfo.FromString,
            )
            info = await describe(federation_pb2.LearnerDescribeRequest(), timeout=5)
            assert info.samples == 7
            watch = channel.unary_stream(
                "/federation.v1.Learner/Watch",
                federation_pb2.LearnerWatchRequest.SerializeToString,
                federation_pb2.Progress.FromString,
            )
            items = [item.epoch async for item in watch(federation_pb2.LearnerWatchRequest(every=1.0))]
            assert items == [0, 1, 2]
            fit = channel.unary_unary("/federation.v1.Learner/Fit")
            with pytest.raises(aio.AioRpcError) as failure:
                await fit(b"", timeout=5)
            assert failure.value.code() is StatusCode.PERMISSION_DENIED
            assert "a caller without a role may not call federation.v1.Learner/Fit: only trainer may" in str(
                failure.value.details()
            )


async def test_error_details_are_readable_by_any_client() -> None:
    from google.rpc.error_details_pb2 import ErrorInfo
    from google.rpc.status_pb2 import Status

    async with Node("l", "learner", GrpcTransport("127.0.0.1", 0)) as node:
        node.register(Echo(ready=False))
        async with aio.insecure_channel(f"127.0.0.1:{node.transport.port}") as channel:
            with pytest.raises(aio.AioRpcError) as failure:
                await channel.unary_unary("/federation.v1.Learner/Describe")(b"", timeout=5)
    metadata = dict(failure.value.trailing_metadata() or ())
    status = Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == failure.value.code().value[0] == 9
    info, declared = ErrorInfo(), federation_pb2.NotReady()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("oiafed", "NotReady")
    assert status.details[1].Unpack(declared)
    assert declared.retry_after == 2.5


@pytest.mark.parametrize("body", [b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05\x0a\x01w\x12\x00"[:5]])
async def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    async with Node("l", "learner", GrpcTransport("127.0.0.1", 0)) as node:
        node.register(Echo())
        metadata = (("oiafed-route", "role=trainer"),)
        async with aio.insecure_channel(f"127.0.0.1:{node.transport.port}") as channel:
            for path in ("/federation.v1.Learner/Fit", "/oiafed.v1.Dynamic/Call", "/oiafed.v1.Node/Hello"):
                with pytest.raises(aio.AioRpcError) as failure:
                    await channel.unary_unary(path)(
                        body, timeout=5, metadata=(*metadata, ("oiafed-method", "describe"))
                    )
                assert failure.value.code() is StatusCode.INVALID_ARGUMENT, failure.value


async def test_a_message_beyond_the_limit_is_refused() -> None:
    async with (
        Node("l", "learner", GrpcTransport("127.0.0.1", 0), max_message_size=10_000) as learner,
        Node("t", "trainer", GrpcTransport()) as trainer,
    ):
        learner.register_handler("take", lambda data, other=None: len(data))
        await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
        assert await trainer.get_proxy("l").call("take", data=b"x" * 5_000) == 5_000
        with pytest.raises(RpcError, match="larger than max") as failure:
            await trainer.get_proxy("l").call("take", data=b"x" * 20_000)
        assert failure.value.code is Code.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(("told", "ended"), [("CANCELLED", True), ("I give up", False)])
async def test_a_call_that_a_stopping_server_ends_was_not_cancelled(told: str, ended: bool) -> None:
    failure = aio.AioRpcError(StatusCode.CANCELLED, aio.Metadata(), aio.Metadata(), details=told)
    error = error_from(failure, Message("fit", "trainer", "learner_0", None), Serializers(), None)
    assert isinstance(error, RetriableError) is ended
    assert error.code is (Code.UNAVAILABLE if ended else Code.CANCELLED)
    assert error.message.startswith("fit on node 'learner_0': ")


async def test_a_killed_peer_ends_the_calls_that_wait_on_it() -> None:
    code = """
import asyncio
from oiafed_rpc import GrpcTransport, Node
async def main():
    node = Node("victim", "learner", GrpcTransport("127.0.0.1", 0))
    @node.register_handler("forever")
    async def forever(a=0, b=0):
        print("called", flush=True)
        await asyncio.Event().wait()
    async with node:
        print(node.transport.port, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        impatient = DeliveryConfig(patience=0.2)
        async with Node("t", "trainer", GrpcTransport(), delivery=impatient) as trainer:
            await trainer.connect(f"victim@127.0.0.1:{port}")
            call = asyncio.create_task(trainer.get_proxy("victim").call("forever"))
            assert await asyncio.wait_for(process.stdout.readline(), 30) == b"called\n"
            process.kill()
            began = time.monotonic()
            with pytest.raises(RpcError) as failure:
                await call
            assert failure.value.code is Code.UNAVAILABLE
            assert "victim" in failure.value.message
            assert time.monotonic() - began < 5
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def test_a_node_leaves_nothing_on_stderr() -> None:
    code = """
import asyncio
from oiafed_rpc import GrpcTransport, Node
async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # what a busy machine is told of
    learner, trainer = Node("l", "learner", GrpcTransport("127.0.0.1", 0)), Node("t", "trainer", GrpcTransport())
    async with learner, trainer:
        learner.register_handler("ping", lambda a=0, b=0: "pong")
        await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
        print(await trainer.get_proxy("l").call("ping"))
asyncio.run(main())
asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-X", "dev", "-c", code], timeout=60, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "pong\npong\n", "")


async def test_typed_errors_cross_the_socket() -> None:
    async with (
        Node("l", "learner", GrpcTransport("127.0.0.1", 0)) as learner,
        Node("t", "trainer", GrpcTransport()) as trainer,
    ):
        learner.register(Echo(ready=False))
        await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
        proxy = trainer.get_proxy("l", LearnerProxy)
        with pytest.raises(NotReady) as failure:
            await proxy.describe()
        assert failure.value.retry_after == 2.5
        assert isinstance(await proxy.fit(weights={}, config=FitConfig(epochs=1)), FitResult)


def test_an_error_beside_a_running_server_ends_the_process_in_order() -> None:
    code = """
import asyncio
from oiafed_rpc import GrpcTransport, Node
async def serve(node):
    async with node:
        await asyncio.Event().wait()
async def main():
    learner, trainer = Node("l", "learner", GrpcTransport("127.0.0.1", 0)), Node("t", "trainer", GrpcTransport())
    serving = asyncio.create_task(serve(learner))
    while not learner.transport.port:
        await asyncio.sleep(0.01)
    async with trainer:
        await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
        raise ZeroDivisionError("mine")
asyncio.run(main())
"""
    for _ in range(3):
        run = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
        assert run.returncode == 1, run.stderr
        assert run.stderr.splitlines()[-1] == "ZeroDivisionError: mine"


def test_a_node_that_nobody_stops_gives_back_its_port() -> None:
    code = """
import asyncio
from oiafed_rpc import GrpcTransport, Node
async def main(port):
    node = Node("l", "learner", GrpcTransport("127.0.0.1", port))
    await node.start()
    return node.transport.port
port = asyncio.run(main(0))
print(asyncio.run(main(port)) == port)
"""
    run = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "True\n", "")


async def _slow_pair(stack: AsyncExitStack) -> tuple[Node, Node, asyncio.Event, asyncio.Event]:
    learner = await stack.enter_async_context(Node("l", "learner", GrpcTransport("127.0.0.1", 0)))
    trainer = await stack.enter_async_context(Node("t", "trainer", GrpcTransport(), connect_timeout=0.5))
    started, release = asyncio.Event(), asyncio.Event()

    @learner.register_handler("slow")
    async def slow(a: int = 0, b: int = 0) -> str:
        started.set()
        await release.wait()
        return "done"

    await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
    return learner, trainer, started, release


async def test_connecting_again_to_the_same_address_keeps_calls_going() -> None:
    async with AsyncExitStack() as stack:
        learner, trainer, started, release = await _slow_pair(stack)
        call = asyncio.create_task(trainer.get_proxy("l").call("slow"))
        await asyncio.wait_for(started.wait(), 5)
        await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")
        release.set()
        assert await call == "done"


async def test_a_failed_reconnection_keeps_the_connection() -> None:
    async with AsyncExitStack() as stack:
        _, trainer, started, release = await _slow_pair(stack)
        call = asyncio.create_task(trainer.get_proxy("l").call("slow"))
        await asyncio.wait_for(started.wait(), 5)
        with pytest.raises(RpcError, match="cannot connect"):
            await trainer.connect("l@127.0.0.1:9")
        assert "l" in trainer.peers
        release.set()
        assert await call == "done"
        assert await trainer.get_proxy("l").call("slow") == "done"


async def test_a_call_waits_for_the_connection_that_is_being_made() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Node("t", "trainer", GrpcTransport()) as trainer:
        connecting = asyncio.create_task(trainer.connect(f"l@127.0.0.1:{port}"))
        await asyncio.sleep(0)
        call = asyncio.create_task(trainer.get_proxy("l").call("ping"))
        await asyncio.sleep(0.2)  # gRPC has been refused by now, and would fail a call at once
        assert not call.done()
        learner = Node("l", "learner", GrpcTransport("127.0.0.1", port))
        learner.register_handler("ping", lambda a=0, b=0: "pong")
        async with learner:
            assert await call == "pong"
            await connecting


async def test_a_call_that_waits_for_a_connection_fails_with_it() -> None:
    async with Node("t", "trainer", GrpcTransport(), connect_timeout=0.3) as trainer:
        connecting = asyncio.create_task(trainer.connect("l@127.0.0.1:9"))
        await asyncio.sleep(0)
        with pytest.raises(RpcError, match="'l' is not connected") as failure:
            await trainer.get_proxy("l").call("ping")
        assert failure.value.code is Code.UNAVAILABLE
        with pytest.raises(RpcError):
            await connecting


async def test_stopping_ones_own_node_ends_its_calls_and_says_so() -> None:
    async with AsyncExitStack() as stack:
        _, trainer, started, release = await _slow_pair(stack)
        call = asyncio.create_task(trainer.get_proxy("l").call("slow"))
        await asyncio.wait_for(started.wait(), 5)
        await trainer.stop()
        with pytest.raises(RpcError, match="node 't' was stopped during a call to 'l'") as failure:
            await call
        assert failure.value.code is Code.UNAVAILABLE
        with pytest.raises(RpcError, match="node 't' is not running: start it before it calls slow"):
            await trainer.get_proxy("l").call("slow")
        release.set()


async def test_a_node_that_could_not_start_calls_nobody() -> None:
    async with Node("a", "learner", GrpcTransport("127.0.0.1", 0)) as first:
        second = Node("b", "learner", GrpcTransport("127.0.0.1", first.transport.port))
        with pytest.raises(ConfigError):
            await second.start()
        with pytest.raises(RpcError, match="node 'b' is not running"):
            await second.get_proxy("a").call("ping")


async def test_a_node_started_twice_at_once_has_one_server() -> None:
    node = Node("a", "learner", GrpcTransport("127.0.0.1", 0))
    await asyncio.gather(node.start(), node.start())
    port = node.transport.port
    await node.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_what_runs_while_a_node_stops_may_still_call_others() -> None:
    async with AsyncExitStack() as stack:
        learner, trainer, started, release = await _slow_pair(stack)
        other = await stack.enter_async_context(Node("o", "other", GrpcTransport("127.0.0.1", 0)))
        other.register_handler("ping", lambda a=0, b=0: "pong")
        await learner.connect(f"o@127.0.0.1:{other.transport.port}")

        @learner.register_handler("nested")
        async def nested(a: int = 0, b: int = 0) -> object:
            started.set()
            await release.wait()
            return await learner.get_proxy("o").call("ping")

        call = asyncio.create_task(trainer.get_proxy("l").call("nested"))
        await asyncio.wait_for(started.wait(), 5)
        stopping = asyncio.create_task(learner.stop())
        await asyncio.sleep(0)
        release.set()
        assert await call == "pong"
        await stopping


async def test_a_wrong_token_is_an_auth_error_over_grpc_too() -> None:
    listening = Node("l", "learner", GrpcTransport("127.0.0.1", 0), interceptors=[AuthInterceptor("right")])
    async with listening as learner, Node("t", "trainer", GrpcTransport()) as trainer:
        with pytest.raises(AuthError):
            await trainer.connect(f"l@127.0.0.1:{learner.transport.port}")


async def test_a_second_node_of_an_id_that_dials_in_is_refused() -> None:
    async with (
        Node("hub", "trainer", GrpcTransport("127.0.0.1", 0)) as hub,
        Node("twin", "learner", GrpcTransport()) as first,
        Node("twin", "learner", GrpcTransport()) as second,
    ):
        address = f"hub@127.0.0.1:{hub.transport.port}"
        await first.connect(address)
        with pytest.raises(RpcError, match=r"the id 'twin' is taken: .*'hub'; choose another id") as failure:
            await second.connect(address)
        assert failure.value.code is Code.ALREADY_EXISTS
        await first.stop()
        assert (await second.connect(address)).node_id == "hub"


async def test_a_second_node_of_an_id_that_is_dialled_is_refused() -> None:
    async with (
        Node("hub", "trainer", GrpcTransport()) as hub,
        Node("twin", "learner", GrpcTransport("127.0.0.1", 0)) as first,
        Node("twin", "learner", GrpcTransport("127.0.0.1", 0)) as second,
    ):
        first.register_handler("which", lambda a=0, b=0: "first")
        await hub.connect(f"twin@127.0.0.1:{first.transport.port}")
        with pytest.raises(RpcError, match="a node with the id 'twin' is connected from") as failure:
            await hub.connect(f"twin@127.0.0.1:{second.transport.port}")
        assert failure.value.code is Code.ALREADY_EXISTS
        assert await hub.get_proxy("twin").call("which") == "first"


async def test_a_node_does_not_dial_one_of_its_own_id() -> None:
    async with (
        Node("twin", "trainer", GrpcTransport()) as here,
        Node("twin", "learner", GrpcTransport("127.0.0.1", 0)) as there,
    ):
        with pytest.raises(RpcError, match="the id 'twin' is taken") as failure:
            await here.connect(f"twin@127.0.0.1:{there.transport.port}")
        assert failure.value.code is Code.ALREADY_EXISTS


async def test_a_link_whose_round_trip_takes_more_than_a_second_connects() -> None:
    async with (
        Node("learner_0", "learner", GrpcTransport("127.0.0.1", 0)) as learner,
        FaultProxy(port=learner.transport.port) as link,  # type: ignore[attr-defined]
        Node("trainer", "trainer", GrpcTransport()) as trainer,
    ):
        link.delay = 0.55  # s, each way
        assert (await trainer.connect(f"learner_0@127.0.0.1:{link.port}")).role == "learner"


async def test_closing_a_channel_is_not_cut_short_where_who_waits_is_cancelled() -> None:
    closed, begun = asyncio.Event(), asyncio.Event()

    class Slow:
        async def close(self) -> None:
            begun.set()
            await asyncio.get_running_loop().create_future()

    class Core:
        async def close(self, grace: float | None) -> None:
            closed.set()

    core, courier = cast("Any", Core()), cast("Any", Slow())
    channel = GrpcChannel("nowhere:1", core, None, None, Wire(Serializers()), lambda _: courier)
    closing = asyncio.create_task(channel.close())
    await begun.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert closed.is_set()

"""What is assumed of grpcio's core, with the version that is installed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest
from grpc import aio
from oiafed_rpc.transport.grpc.direct import TESTED, DirectCalls, direct_calls


class _Server:
    def __init__(self) -> None:
        self.started, self.cancelled = asyncio.Event(), asyncio.Event()

    async def answer(self, body: bytes, context: aio.ServicerContext) -> bytes:
        if body == b"abort":
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such", (("facts-bin", b"\x00\x01"),))
        if body == b"slow":
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        metadata = dict(context.invocation_metadata())
        return repr((metadata["k"], context.time_remaining() is not None)).encode()


@asynccontextmanager
async def _calls() -> AsyncIterator[tuple[_Server, aio.Channel, DirectCalls]]:
    behind = _Server()
    server = aio.server()
    handlers = {"Method": grpc.unary_unary_rpc_method_handler(behind.answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.Service", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = aio.insecure_channel(f"127.0.0.1:{port}")
    calls = direct_calls(channel)
    assert calls is not None
    try:
        yield behind, channel, calls
    finally:
        await channel.close()
        await server.stop(None)


PATH = b"/a.Service/Method"
HEADERS = (("k", "v"),)


def test_the_installed_version_is_a_tested_one() -> None:
    assert grpc.__version__.startswith(TESTED), "run this file, then add the version to TESTED in direct.py"


async def test_a_call_is_answered() -> None:
    async with _calls() as (_, _, calls):
        assert await calls.unary(PATH, b"", 5.0, HEADERS) == b"('v', True)"
        assert await calls.unary(PATH, b"", None, HEADERS) == b"('v', False)"


async def test_a_failure_is_what_grpc_aio_has() -> None:
    async with _calls() as (_, channel, calls):
        with pytest.raises(aio.AioRpcError) as theirs:
            await channel.unary_unary(PATH.decode(), None, None)(b"abort", metadata=HEADERS)
        with pytest.raises(aio.AioRpcError) as ours:
            await calls.unary(PATH, b"abort", 5.0, HEADERS)
        assert ours.value.code() is theirs.value.code() is grpc.StatusCode.NOT_FOUND
        assert ours.value.details() == theirs.value.details() == "no such"
        assert (
            dict(ours.value.trailing_metadata()) == dict(theirs.value.trailing_metadata()) == {"facts-bin": b"\x00\x01"}
        )


async def test_a_deadline_ends_it_on_both_sides() -> None:
    async with _calls() as (behind, _, calls):
        began = time.monotonic()
        with pytest.raises(aio.AioRpcError) as failure:
            await calls.unary(PATH, b"slow", 0.2, HEADERS)
        assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 2
        await asyncio.wait_for(behind.cancelled.wait(), 5)


async def test_a_cancelled_caller_cancels_the_handler() -> None:
    async with _calls() as (behind, _, calls):
        task = asyncio.create_task(calls.unary(PATH, b"slow", 30.0, HEADERS))
        await asyncio.wait_for(behind.started.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(behind.cancelled.wait(), 5)


async def test_closing_ends_the_calls_under_way() -> None:
    async with _calls() as (behind, channel, calls):
        task = asyncio.create_task(calls.unary(PATH, b"slow", 30.0, HEADERS))
        await asyncio.wait_for(behind.started.wait(), 5)
        calls.close()
        await channel.close()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done
        assert task.cancelled()


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with aio.insecure_channel("unix:/nonexistent/socket") as channel:
        calls = direct_calls(channel)
        assert calls is not None
        with pytest.raises(aio.AioRpcError) as failure:
            await calls.unary(PATH, b"", 5.0, HEADERS)
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (failure.value.details() or "").startswith("failed to connect to all addresses")


def test_other_versions_take_the_public_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc, "__version__", "9.9.9")

    async def made() -> DirectCalls | None:
        async with aio.insecure_channel("unix:/nonexistent/socket") as channel:
            return direct_calls(channel)

    assert asyncio.run(made()) is None

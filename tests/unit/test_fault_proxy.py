"""Faults on TCP connections."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator

import pytest
from oiafed_rpc.testing import Fault, FaultPlan, FaultProxy

SOON = 5.0


class Echo:
    """Sends back all that comes.

    Attributes:
        ended: Set when a connection has ended here.
    """

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.port = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while block := await reader.read(1 << 16):
                writer.write(block)
        writer.close()
        self.ended.set()


@contextlib.asynccontextmanager
async def between(plan: FaultPlan | None = None) -> AsyncIterator[tuple[FaultProxy, Echo]]:
    echo = Echo()
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        echo.port = server.sockets[0].getsockname()[1]
        async with FaultProxy("127.0.0.1", echo.port, plan=plan) as proxy:
            yield proxy, echo


@contextlib.asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_all_passes_and_is_counted() -> None:
    async with between() as (proxy, _), connected(proxy) as (reader, writer):
        writer.write(bytes(100_000))
        assert await reader.readexactly(100_000) == bytes(100_000)
        assert (proxy.up, proxy.down, proxy.connections) == (100_000, 100_000, 1)


async def test_a_connection_that_is_cut_is_reset_on_both_sides() -> None:
    async with between() as (proxy, echo), connected(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), SOON)
        await asyncio.wait_for(echo.ended.wait(), SOON)
        async with connected(proxy) as (reader, writer):
            writer.write(b"b")
            assert await reader.read(1) == b"b"


async def test_a_link_stays_down_until_it_is_mended() -> None:
    async with between() as (proxy, _):
        proxy.cut(math.inf)
        async with connected(proxy) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(1), SOON)
        proxy.mend()
        async with connected(proxy) as (reader, writer):
            writer.write(b"b")
            assert await reader.read(1) == b"b"


async def test_a_connection_is_cut_at_a_byte() -> None:
    async with between() as (proxy, _), connected(proxy) as (reader, writer):
        proxy.cut_after(3, up=True)
        writer.write(b"abcd")
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), SOON) in (b"", b"abc")
        assert proxy.reached.is_set()
        assert proxy.up == 3


async def test_what_is_stopped_goes_on_later() -> None:
    async with between() as (proxy, _), connected(proxy) as (reader, writer):
        proxy.stop_after(3, up=False)
        writer.write(b"abcd")
        await asyncio.wait_for(proxy.reached.wait(), SOON)
        assert proxy.down == 0
        proxy.mend()
        assert await asyncio.wait_for(reader.readexactly(4), SOON) == b"abcd"


async def test_nobody_learns_of_an_end_while_all_is_stopped() -> None:
    async with between() as (proxy, echo):
        async with connected(proxy) as (reader, writer):
            writer.write(b"a")
            assert await reader.read(1) == b"a"
            proxy.stop()
        async with connected(proxy) as (reader, writer):  # connects, and is not answered
            writer.write(b"b")
            assert not echo.ended.is_set()
            proxy.mend()
            assert await asyncio.wait_for(reader.read(1), SOON) == b"b"
            await asyncio.wait_for(echo.ended.wait(), SOON)


async def test_a_half_open_connection_ends_on_one_side() -> None:
    async with between() as (proxy, echo), connected(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        proxy.half_open(up=True)
        await asyncio.wait_for(echo.ended.wait(), SOON)
        writer.write(b"b")
        reading = asyncio.create_task(reader.read(1))
        await asyncio.sleep(0.01)
        assert not reading.done()
        proxy.mend()
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(reading, SOON) == b""


async def test_a_half_open_connection_may_be_that_of_who_connected() -> None:
    async with between() as (proxy, echo), connected(proxy) as (reader, writer):
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        proxy.half_open(up=False)
        assert await asyncio.wait_for(reader.read(1), SOON) == b""
        assert not echo.ended.is_set()
        proxy.cut()
        await asyncio.wait_for(echo.ended.wait(), SOON)


@pytest.mark.parametrize("by_plan", [True, False])
async def test_a_slow_link(by_plan: bool) -> None:
    plan = FaultPlan(rules=(Fault(kind="throttle", rate=100_000), Fault(kind="delay", seconds=0.05, times=1)))
    async with between(plan if by_plan else None) as (proxy, _), connected(proxy) as (reader, writer):
        if not by_plan:
            proxy.rate, proxy.delay = 1_000_000, 0.06
        began = time.monotonic()
        writer.write(bytes(10_000))
        await asyncio.wait_for(reader.readexactly(10_000), SOON)
        assert time.monotonic() - began > 0.1


async def test_a_plan_cuts_and_stops() -> None:
    plan = FaultPlan(rules=(Fault(kind="cut", seconds=0, skip=1, times=1), Fault(kind="drop", of="reply", skip=1)))
    async with between(plan) as (proxy, _):
        async with connected(proxy) as (reader, writer):
            writer.write(b"a")
            assert await reader.read(1) == b"a"
            writer.write(b"b")
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(1), SOON)
        async with connected(proxy) as (reader, writer):
            writer.write(b"c")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)


async def test_nobody_there_is_a_reset() -> None:
    async with between() as (proxy, echo):
        proxy.target = "127.0.0.1", 1
        async with connected(proxy) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(1), SOON)
        proxy.target = "127.0.0.1", echo.port
        async with connected(proxy) as (reader, writer):
            writer.write(b"b")
            assert await reader.read(1) == b"b"


@pytest.mark.parametrize("kind", ["duplicate", "reorder"])
def test_what_tcp_mends_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"TCP mends what {kind} does"):
        FaultProxy(plan=FaultPlan(rules=(Fault(kind=kind),)))  # type: ignore[arg-type]

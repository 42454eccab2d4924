"""Calls whose link breaks, or whose peer dies, at every step."""

from __future__ import annotations

import asyncio
import functools
import math
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from oiafed_rpc import Code, GrpcTransport, Node, OutcomeUnknown, Proxy, RpcError
from oiafed_rpc.config import DeliveryConfig
from oiafed_rpc.testing import FaultProxy

from tests.e2e.transfers.peers import SOON, Process, started
from tests.links import link as a_link

CUT = 5.0  # seconds
LARGE = 3 << 20  # bytes

learner = functools.partial(started, program=Path(__file__).with_name("peer.py"))
"""A learner in a process of its own, which is killed in the end."""


class There:
    """A trainer, a learner in another process, and the link between them."""

    def __init__(self, node: Node, peer: Process, link: FaultProxy) -> None:
        self.node, self.peer, self.link = node, peer, link

    def proxy(self, **options: Any) -> Proxy:
        return self.node.get_proxy("learner_0").with_options(**{"timeout": 60, **options})

    async def begun(self, method: str = "fit", **arguments: Any) -> asyncio.Task[Any]:
        """A call whose handler runs."""
        options = arguments.pop("options", {})
        call = asyncio.create_task(self.proxy(**options).call(method, **arguments))
        await self.peer.says("running")
        return call


@asynccontextmanager
async def between(patience: float = 30, **delivery: Any) -> AsyncIterator[There]:
    async with AsyncExitStack() as stack:
        link = await stack.enter_async_context(a_link())
        config = {"patience": patience, **delivery}
        peer = await stack.enter_async_context(learner(host=link.target[0], port=link.port, delivery=config))
        mine = DeliveryConfig(patience=patience)
        node = Node("trainer", "trainer", GrpcTransport(), heartbeat=False, delivery=mine)
        await stack.enter_async_context(node)
        await node.connect(f"learner_0@{link.host}:{link.port}")
        yield There(node, peer, link)


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_call_in_flight_over_a_link_that_is_cut_for_seconds_returns_its_result(idempotent: bool) -> None:
    async with between() as there, Node("other", "trainer", GrpcTransport()) as other:
        await other.connect(f"learner_0@{there.link.target[0]}:{there.link.port}")
        call = await there.begun(round=1, options={"idempotent": idempotent})
        there.link.cut(math.inf)
        await other.get_proxy("learner_0").call("release")
        await there.peer.says("done 1")
        await asyncio.sleep(CUT)
        there.link.mend()
        assert await asyncio.wait_for(call, SOON) == {"round": 1, "weights": b""}
        assert await there.proxy().call("ran") == 1


async def test_a_call_that_still_runs_is_joined() -> None:
    async with between() as there:
        call = await there.begun(round=2)
        for _ in range(3):
            connections = there.link.connections
            there.link.cut(math.inf)
            there.link.mend()
            while there.link.connections == connections:
                await asyncio.sleep(0.01)
        await there.proxy().call("release")
        assert await asyncio.wait_for(call, SOON) == {"round": 2, "weights": b""}
        assert await there.proxy().call("ran") == 1


async def test_an_error_comes_as_it_would_have_come() -> None:
    async with between() as there:
        call = await there.begun("fail", round=3)
        there.link.cut(math.inf)
        there.link.mend()
        await there.proxy().call("release")
        with pytest.raises(RpcError, match="ValueError: no such round") as failure:
            await asyncio.wait_for(call, SOON)
        assert failure.value.code is Code.INTERNAL
        assert await there.proxy().call("ran") == 1


async def test_a_large_result_is_fetched_when_the_link_is_back() -> None:
    async with between() as there:
        call = await there.begun(round=4, size=LARGE)
        there.link.cut(math.inf)
        there.link.mend()
        await there.proxy().call("release")
        assert len((await asyncio.wait_for(call, SOON))["weights"]) == LARGE
        assert await there.proxy().call("ran") == 1


async def test_a_large_request_is_sent_again() -> None:
    async with between() as there:
        for place in range(LARGE // 2, LARGE + 20_000, LARGE // 4):
            before = await there.proxy().call("ran")
            there.link.cut_after(place, up=True)
            assert await asyncio.wait_for(there.proxy().call("count", of=bytes(LARGE)), SOON) == before + 1
            there.link.mend()


async def test_what_a_node_did_before_it_was_killed_is_not_known() -> None:
    async with between() as there:
        call = await there.begun(round=5)
        there.peer.process.kill()
        await there.peer.process.wait()
        async with learner(host=there.link.target[0], port=there.link.port) as again:
            began = time.monotonic()
            with pytest.raises(OutcomeUnknown, match=r"'learner_0'.*was started anew"):
                await asyncio.wait_for(call, SOON)
            assert time.monotonic() - began < 3
            again_there = There(there.node, again, there.link)
            assert await again_there.proxy().call("ran") == 0
            assert await again_there.proxy().call("count") == 1


async def test_with_a_journal_a_node_that_was_killed_knows_its_answers(tmp_path: Path) -> None:
    journal = str(tmp_path / "calls.db")
    async with between(journal=journal) as there, Node("other", "trainer", GrpcTransport()) as other:
        await other.connect(f"learner_0@{there.link.target[0]}:{there.link.port}")
        ended = await there.begun(round=1, size=LARGE)
        there.link.cut(math.inf)
        await other.get_proxy("learner_0").call("release")
        await there.peer.says("done 1")
        await other.get_proxy("learner_0").call("ran")  # the journal writes one after another
        there.peer.process.kill()
        await there.peer.process.wait()
        there.link.mend()
        delivery = {"journal": journal}
        async with learner(host=there.link.target[0], port=there.link.port, delivery=delivery) as again:
            assert len((await asyncio.wait_for(ended, SOON))["weights"]) == LARGE
            assert await there.proxy().call("ran") == 0
            running = asyncio.create_task(there.proxy().call("fit", round=2))
            await again.says("running 2")
            again.process.kill()
            await again.process.wait()
        async with learner(host=there.link.target[0], port=there.link.port, delivery=delivery):
            with pytest.raises(OutcomeUnknown, match="no longer knows"):
                await asyncio.wait_for(running, SOON)
            assert await there.proxy().call("ran") == 0


async def test_a_call_that_may_run_twice_runs_again_on_a_node_that_was_started_anew() -> None:
    async with between() as there:
        call = await there.begun(round=6, options={"idempotent": True})
        there.peer.process.kill()
        await there.peer.process.wait()
        async with learner(host=there.link.target[0], port=there.link.port) as again:
            await again.says("running 6")
            await there.proxy().call("release")
            assert await asyncio.wait_for(call, SOON) == {"round": 6, "weights": b""}


async def test_patience_ends() -> None:
    async with between(patience=0.5) as there:
        call = await there.begun(round=7)
        began = time.monotonic()
        there.link.cut(math.inf)
        with pytest.raises(OutcomeUnknown, match="may or may not have run"):
            await asyncio.wait_for(call, SOON)
        assert 0.4 < time.monotonic() - began < 3
        await there.peer.says("cancelled 7")


async def test_a_deadline_ends_it_as_well() -> None:
    async with between() as there:
        call = await there.begun(round=8, options={"timeout": 1.0})
        began = time.monotonic()
        there.link.cut(math.inf)
        with pytest.raises(RpcError) as failure:
            await asyncio.wait_for(call, SOON)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 2
        await there.peer.says("cancelled 8")


@pytest.mark.parametrize("cut", [False, True])
async def test_a_cancelled_caller_cancels_the_handler(cut: bool) -> None:
    async with between() as there:
        call = await there.begun(round=9)
        if cut:
            there.link.cut(math.inf)
            there.link.mend()
            await there.proxy().call("ran")
        call.cancel()
        began = time.monotonic()
        await there.peer.says("cancelled 9")
        assert time.monotonic() - began < 2
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_caller_that_stops_cancels_its_handlers() -> None:
    async with between() as there:
        call = await there.begun(round=9)
        began = time.monotonic()
        await there.node.stop()
        await there.peer.says("cancelled 9")
        assert time.monotonic() - began < 3
        with pytest.raises(RpcError, match="was stopped during a call"):
            await call


async def test_a_caller_that_is_killed_does_not_keep_a_handler() -> None:
    async with learner(delivery={"patience": 0.5}) as peer, learner("trainer", call=peer.address) as trainer:
        await peer.says("running 1")
        trainer.process.send_signal(signal.SIGKILL)
        await peer.says("cancelled 1")


async def test_a_caller_that_is_started_anew_wants_no_former_answers() -> None:
    async with learner(delivery={"patience": 60}) as peer:
        async with learner("trainer", call=peer.address) as trainer:
            await peer.says("running 1")
            trainer.process.send_signal(signal.SIGKILL)
        async with learner("trainer", call=peer.address):
            assert await peer.says("1") in ("running 1", "cancelled 1")
            assert await peer.says("1") in ("running 1", "cancelled 1")


async def test_without_retries_a_broken_link_ends_the_call_on_both_sides() -> None:
    async with between() as there:
        call = await there.begun(round=10, options={"retry": False})
        there.link.cut(math.inf)
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(call, SOON)
        await there.peer.says("cancelled 10")


async def test_a_node_that_remembers_nothing_ends_the_call_too() -> None:
    async with between(calls=0) as there:
        call = await there.begun(round=11)
        there.link.cut(math.inf)
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(call, SOON)
        await there.peer.says("cancelled 11")


async def test_what_was_forgotten_is_not_run_again() -> None:
    async with between(calls=1) as there, Node("other", "trainer", GrpcTransport()) as other:
        await other.connect(f"learner_0@{there.link.target[0]}:{there.link.port}")
        call = await there.begun(round=12)
        there.link.cut(math.inf)
        for _ in range(2):
            await other.get_proxy("learner_0").call("release")
        await there.peer.says("done 12")
        await other.get_proxy("learner_0").call("ran")
        there.link.mend()
        with pytest.raises(OutcomeUnknown, match="no longer knows"):
            await asyncio.wait_for(call, SOON)
        assert await there.proxy().call("ran") == 1

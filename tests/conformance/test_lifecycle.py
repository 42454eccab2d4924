"""Starting and stopping: in any order, at once, while busy, from within."""

from __future__ import annotations

import asyncio
import os

import pytest
from oiafed_rpc import Code, RetriableError, RpcError

from tests.conformance.conftest import Federation

SOON = 10.0


async def test_starts_and_stops_at_once_come_to_an_end(federation: Federation) -> None:
    node = federation.node("learner_0")
    async with asyncio.timeout(SOON):
        await node.stop()
        await asyncio.gather(node.start(), node.start(), node.stop(), node.start(), node.stop(), node.stop())
        await node.start()
        await asyncio.gather(node.stop(), node.stop())


async def test_calls_under_way_drain_and_new_ones_are_refused(federation: Federation) -> None:
    trainer, learner = await federation.pair(retry=False)
    started, release = asyncio.Event(), asyncio.Event()

    async def work(a: int = 0, b: int = 0) -> str:
        started.set()
        await release.wait()
        return "done"

    learner.register_handler("work", work)
    proxy = trainer.get_proxy("learner_0").with_options(timeout=SOON)
    working = asyncio.create_task(proxy.call("work"))
    await started.wait()
    stopping = asyncio.create_task(learner.stop(grace=SOON))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises(RetriableError, match="takes no more calls") as failure:
        await proxy.call("work")
    assert failure.value.ran is False
    release.set()
    assert await working == "done"
    await stopping


async def test_calls_beyond_the_grace_end_with_unavailable(federation: Federation) -> None:
    trainer, learner = await federation.pair(retry=False)
    started = asyncio.Event()

    async def work(a: int = 0, b: int = 0) -> None:
        started.set()
        await asyncio.Event().wait()

    learner.register_handler("work", work)
    working = asyncio.create_task(trainer.get_proxy("learner_0").with_options(timeout=60).call("work"))
    await started.wait()
    async with asyncio.timeout(SOON):
        await learner.stop(grace=0.05)
        with pytest.raises(RpcError, match="stopped before the call had ended") as failure:
            await working
    assert failure.value.code is Code.UNAVAILABLE


async def test_a_handler_may_stop_its_node(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    left = asyncio.Event()
    trainer.on("left", lambda peer: left.set())

    async def leave(a: int = 0, b: int = 0) -> str:
        await learner.stop()
        return "bye"

    learner.register_handler("leave", leave)
    async with asyncio.timeout(SOON):
        assert await trainer.get_proxy("learner_0").call("leave") == "bye"
        await left.wait()
        await learner.stop()


async def test_a_cancelled_stop_goes_on_to_the_end(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    left = asyncio.Event()
    trainer.on("left", lambda peer: left.set())
    stopping = asyncio.create_task(learner.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    async with asyncio.timeout(SOON):
        await left.wait()
        await learner.stop()
        await learner.start()


async def test_a_cancelled_start_leaves_nothing(federation: Federation) -> None:
    before = asyncio.all_tasks()
    node = federation.node("trainer", "trainer", connect_to=["ghost@127.0.0.1:1"])
    starting = asyncio.create_task(node.start())
    for _ in range(5):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert asyncio.all_tasks() - before == set()


async def test_nothing_is_left_after_many_lives(federation: Federation) -> None:
    trainer, learner = federation.node("trainer", "trainer"), federation.node("learner_0")
    learner.register_handler("ping", lambda a=0, b=0: "pong")

    async def live() -> None:
        async with learner, trainer:
            await federation.connect(trainer, learner)
            assert await trainer.get_proxy("learner_0").call("ping") == "pong"

    await live()
    tasks, files = asyncio.all_tasks(), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        await live()
    assert asyncio.all_tasks() - tasks == set()
    assert len(os.listdir("/proc/self/fd")) <= files + 2

"""Faults in the calls of a node: each kind, by chance and by hand, and the same again for the same seed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oiafed_rpc import Code, MemoryNetwork, MemoryTransport, Node, OutcomeUnknown, RetriableError, RetryPolicy, RpcError
from oiafed_rpc.testing import Fault, FaultPlan, FaultTransport, Injected, ManualClock
from oiafed_rpc.testing.faults.sizes import size_of


class Pair:
    """A trainer with faults, and a learner that keeps what comes to it.

    Attributes:
        came: The numbers that came, in order.
        ended: Those whose handler has ended.
    """

    def __init__(self, trainer: Node, learner: Node, transport: FaultTransport, clock: ManualClock) -> None:
        self.trainer, self.learner, self.transport, self.clock = trainer, learner, transport, clock
        self.came: list[Any] = []
        self.ended: list[Any] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.arrived = asyncio.Event()
        learner.register_handler("note", self._note, unpack=True)
        learner.register_handler("count", self._count, unpack=True)
        learner.register_handler("keep", self._keep, unpack=True)

    async def _note(self, n: Any) -> Any:
        self.came.append(n)
        self.arrived.set()
        await self.go_on.wait()
        self.ended.append(n)
        if isinstance(n, str):
            raise ValueError("bad")
        return n

    async def _count(self, n: int) -> AsyncIterator[int]:
        for each in range(n):
            yield each

    async def _keep(self, items: AsyncIterator[int]) -> int:
        async for each in items:
            self.came.append(each)
        return len(self.came)

    def note(self, n: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.create_task(self.trainer.get_proxy("learner").with_options(**options).call("note", n=n))


@contextlib.asynccontextmanager
async def pair(*rules: Fault, seed: int = 0, serialize: bool = False, **options: Any) -> AsyncIterator[Pair]:
    network, clock = MemoryNetwork(), ManualClock()
    transport = FaultTransport(
        MemoryTransport(network, serialize=serialize), FaultPlan(seed=seed, rules=rules), clock=clock
    )
    learner = Node("learner", "learner", MemoryTransport(network))
    trainer = Node("trainer", "trainer", transport, heartbeat=False, **{"retry": False, **options})
    async with learner, trainer:
        yield Pair(trainer, learner, transport, clock)


async def test_a_request_that_is_dropped_does_not_arrive() -> None:
    async with pair(Fault(kind="drop", times=1)) as there:
        with pytest.raises(RpcError) as failure:
            await there.note(1, timeout=0.05)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert await there.note(2) == 2
        assert there.came == [2]
        assert list(there.transport.injected) == [Injected("drop", "request", "learner", "note", 1)]


@pytest.mark.parametrize("n", [1, "bad"])
async def test_a_reply_that_is_dropped_is_waited_for_in_vain(n: Any) -> None:
    async with pair(Fault(kind="drop", of="reply")) as there:
        with pytest.raises(RpcError) as failure:
            await there.note(n, timeout=0.05)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert there.ended == [n]


@pytest.mark.parametrize("of", ["request", "reply"])
async def test_what_is_delayed_takes_longer(of: Any) -> None:
    async with pair(Fault(kind="delay", of=of, seconds=3)) as there:
        calling = there.note(1)
        await there.clock.until_sleeping()
        assert there.ended == ([1] if of == "reply" else [])
        await there.clock.advance(2.9)
        assert not calling.done()
        await there.clock.advance(0.1)
        assert await calling == 1


async def test_delays_are_drawn_between_two_bounds() -> None:
    async with pair(Fault(kind="delay", seconds=(1, 2))) as there:
        calls = [there.note(n) for n in range(50)]
        await there.clock.until_sleeping(50)
        await there.clock.advance(0.99)
        assert there.came == []
        await there.clock.advance(0.51)
        assert 10 < len(there.came) < 40
        await there.clock.advance(0.5)
        assert sorted(await asyncio.gather(*calls)) == list(range(50))


async def test_a_duplicate_arrives_a_second_time() -> None:
    async with pair(Fault(kind="duplicate", times=1), Fault(kind="duplicate", seconds=5, skip=1, times=1)) as there:
        assert await there.note(1) == 1
        while there.came != [1, 1]:
            await asyncio.sleep(0)
        assert await there.note(2) == 2
        assert there.came == [1, 1, 2]
        await there.clock.until_sleeping()
        await there.clock.advance(5)
        assert there.came == [1, 1, 2, 2]


async def test_a_node_that_stops_sends_no_duplicates() -> None:
    async with pair(Fault(kind="duplicate", seconds=5)) as there:
        assert await there.note(1) == 1
        await there.clock.until_sleeping()
        await there.trainer.stop()
        assert there.clock.sleeping == 0
        assert there.came == [1]


async def test_a_message_that_is_held_back_goes_after_the_next() -> None:
    async with pair(Fault(kind="reorder", times=2)) as there:
        first = there.note(1)
        await there.clock.until_sleeping()
        assert await there.note(2) == 2
        assert await first == 1
        assert there.came == [2, 1]


async def test_a_message_that_is_held_back_does_not_wait_for_ever() -> None:
    async with pair(Fault(kind="reorder", of="reply", seconds=2)) as there:
        calling = there.note(1)
        await there.clock.until_sleeping()
        assert there.ended == [1]
        await there.clock.advance(2)
        assert await calling == 1


async def test_a_link_that_is_cut_in_a_reply_leaves_the_outcome_unknown() -> None:
    async with pair(Fault(kind="cut", of="reply", seconds=3, times=1)) as there:
        with pytest.raises(OutcomeUnknown, match="a fault has cut it"):
            await there.note(1)
        assert there.ended == [1]
        with pytest.raises(RetriableError, match="the link to 'learner' is down") as failure:
            await there.note(2)
        assert failure.value.ran is False
        await there.clock.advance(3)
        assert await there.note(3) == 3


async def test_a_call_that_has_not_left_is_repeated_when_the_link_is_back() -> None:
    clock = ManualClock()
    policy = RetryPolicy(initial_delay=1, clock=clock, random=lambda: 1.0)
    async with pair(retry=policy) as there:
        there.transport.cut("learner")
        calling = there.note(1)
        await clock.until_sleeping()
        there.transport.mend("learner")
        await clock.advance(1)
        assert await calling == 1
        assert there.came == [1]


async def test_a_cut_by_hand_breaks_what_is_under_way() -> None:
    async with pair() as there:
        there.go_on.clear()
        calling = there.note(1)
        await there.arrived.wait()
        there.transport.cut("learner", 1)
        with pytest.raises(OutcomeUnknown, match="broke"):
            await calling
        assert there.ended == []


async def test_no_more_than_the_rate_passes() -> None:
    async with pair(Fault(kind="throttle", rate=1000), serialize=True) as there:
        calls = [there.note(np.zeros(1000, np.uint8)) for _ in range(2)]
        await there.clock.until_sleeping(2)
        await there.clock.advance(1)
        assert there.came == []
        await there.clock.advance(0.1)
        assert len(there.came) == 1
        await there.clock.advance(1.1)
        await asyncio.gather(*calls)
        assert len(there.came) == 2


async def test_of_a_stream_each_item_is_a_message() -> None:
    async with pair(Fault(kind="drop", of="reply", skip=2, times=1), Fault(kind="cut", of="reply", skip=4)) as there:
        proxy = there.trainer.get_proxy("learner").with_options(timeout=0.2)
        got: list[int] = []
        with pytest.raises(RpcError) as failure:
            async for item in proxy.stream("count", n=5):
                got.append(item)
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert got == [0, 1]
        with pytest.raises(OutcomeUnknown):
            async for item in proxy.stream("count", n=5):
                got.append(item)
        assert got == [0, 1, 0]


async def test_a_stream_breaks_when_the_link_was_cut_between_two_items() -> None:
    async with pair() as there:
        items = there.trainer.get_proxy("learner").stream("count", n=5)
        assert await anext(items) == 0
        there.transport.cut("learner", 0)
        with pytest.raises(OutcomeUnknown, match="broke"):
            await anext(items)


async def test_the_items_of_a_request_are_messages_too() -> None:
    async def numbers() -> AsyncIterator[int]:
        for each in range(4):
            yield each

    async with pair(Fault(kind="drop", skip=3, times=1), seed=1) as there:
        proxy = there.trainer.get_proxy("learner").with_options(timeout=0.2)
        with pytest.raises(RpcError) as failure:
            await proxy.call("keep", items=numbers())
        assert failure.value.code is Code.DEADLINE_EXCEEDED
        assert there.came == [0, 1]  # the call itself is the first message
        there.came.clear()
        assert await proxy.call("keep", items=numbers()) == 4


async def test_a_rule_means_some_methods_of_some_nodes() -> None:
    rules = (Fault(kind="cut", seconds=0, methods=("n?te",), targets=("l*",)), Fault(kind="cut", targets=("a*",)))
    async with pair(*rules) as there:
        with pytest.raises(OutcomeUnknown):
            await there.note(1)
        assert [each async for each in there.trainer.get_proxy("learner").stream("count", n=2)] == [0, 1]


async def test_nodes_know_each_other_whatever_befalls_their_calls() -> None:
    async with pair(Fault(kind="cut")) as there:
        peer = await there.trainer.connect("learner@127.0.0.1:1")
        assert peer.role == "learner"
    async with pair(Fault(kind="drop", methods=("oiafed.v1.Node/*",)), connect_timeout=0.05) as there:
        with pytest.raises(RpcError, match="cannot connect"):
            await there.trainer.connect("learner@127.0.0.1:1")
        assert await there.note(1) == 1


async def _what_happened(seed: int, calls: list[bool]) -> list[Injected]:
    rules = (
        Fault(kind="drop", chance=0.3),
        Fault(kind="cut", of="reply", chance=0.3, seconds=0),
        Fault(kind="duplicate", chance=0.2, seconds=0.0),
    )
    async with pair(*rules, seed=seed) as there:
        there.trainer.get_proxy("learner")
        for apart in calls:
            calling = [there.note(n, timeout=0.01) for n in range(1 if apart else 2)]
            await asyncio.gather(*calling, return_exceptions=True)
        return list(there.transport.injected)


@settings(max_examples=10)
@given(st.integers(), st.lists(st.booleans(), max_size=3))
def test_the_same_seed_has_the_same_happen(seed: int, calls: list[bool]) -> None:
    once, again = (asyncio.run(_what_happened(seed, calls)) for _ in range(2))
    assert once == again


async def test_another_seed_has_something_else_happen() -> None:
    assert len({tuple(await _what_happened(seed, [True] * 8)) for seed in range(4)}) == 4


async def test_what_befalls_one_method_does_not_depend_on_others() -> None:
    async def drops(others: int) -> list[int]:
        async with pair(Fault(kind="cut", chance=0.5, seconds=0), seed=3) as there:
            for n in range(20):
                for _ in range(others):
                    with contextlib.suppress(RpcError):
                        await there.trainer.get_proxy("learner").call("other")
                with contextlib.suppress(RpcError):
                    await there.note(n)
            return [each.number for each in there.transport.injected if each.method == "note"]

    assert await drops(0) == await drops(3)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 8),
        (b"abc", 11),
        (np.zeros(100, np.float32), 408),
        ({"a": b"12", "b": [1, 2]}, 8 + 9 + 10 + 9 + 24),
    ],
)
def test_a_size_is_that_of_what_is_in_it(value: Any, size: int) -> None:
    assert size_of(value) == size


def test_a_size_has_an_end() -> None:
    value: list[Any] = []
    value.append(value)
    assert size_of(value) > 0

"""A loop over the replies of many nodes holds a few large ones at a time, whatever becomes of the calls."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import (
    BroadcastStream,
    MemoryNetwork,
    MemoryTransport,
    Message,
    Node,
    ProxyCollection,
    RetriableError,
    RetryPolicy,
)
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.proxy import Proxy
from oiafed_rpc.turns import Turn

ROOM = BroadcastStream.LARGE_REPLIES
Outcome: TypeAlias = Literal["comes", "fails before", "fails midway", "comes again", "never comes"]


class Fetching(MemoryTransport):
    """Fetches every reply as a large one is: when its turn has come."""

    def __init__(self, network: MemoryNetwork, outcomes: Sequence[Outcome] = ()) -> None:
        super().__init__(network, serialize=True)
        self.outcomes = dict(enumerate(outcomes))
        self.fetched: Counter[str] = Counter()
        self.held = self.most = 0

    def send(self, target: str, message: Message) -> Coroutine[Any, Any, Message]:
        return self._send(target, message, super().send(target, message))

    async def _send(self, target: str, message: Message, sending: Coroutine[Any, Any, Message]) -> Message:
        reply = await sending
        if message.turn is not None:
            await self._fetch(target, message)
            self._note(reply.payload)
        return reply

    async def _fetch(self, target: str, message: Message) -> None:
        outcome = self.outcomes.get(int(target), "comes")
        if outcome == "fails before":
            raise RpcError(Code.INTERNAL, "before its turn")
        assert message.turn is not None
        await message.turn.enter()
        self.fetched[target] += 1
        await asyncio.sleep(0)
        if outcome == "fails midway" or (outcome == "comes again" and self.fetched[target] < 3):
            raise RetriableError("midway")
        if outcome == "never comes":
            await asyncio.Event().wait()

    def _note(self, value: Any) -> None:
        """Count the values that somebody still has."""
        self.held += 1
        self.most = max(self.most, self.held)
        weakref.finalize(value, self._gone)

    def _gone(self) -> None:
        self.held -= 1


class Federation:
    """Nodes `0` to `count - 1` that answer with an array each, and one that calls them."""

    def __init__(self, count: int, outcomes: Sequence[Outcome] = ()) -> None:
        network = MemoryNetwork()
        self.transport = Fetching(network, outcomes)
        self.nodes = [Node("caller", "x", self.transport, heartbeat=False, retry=RetryPolicy(random=lambda: 0.0))]
        for number in range(count):
            node = Node(str(number), "y", MemoryTransport(network, serialize=True), heartbeat=False)
            node.register_handler("fit", self._fit)
            self.nodes.append(node)

    @staticmethod
    async def _fit(payload: Any) -> np.ndarray:
        del payload
        return np.ones(3)

    async def __aenter__(self) -> ProxyCollection[Proxy]:
        for node in self.nodes:
            await node.start()
        targets = [node.node_id for node in self.nodes[1:]]
        return self.nodes[0].get_collection(targets=targets).with_options(idempotent=True)

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            await node.stop()


async def _settle() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


async def test_a_loop_has_a_few_replies_and_the_next_comes_when_it_asks() -> None:
    federation = Federation(10)
    async with federation as many:
        seen = 0
        async for reply in many.broadcast("fit"):
            assert reply.value.tolist() == [1, 1, 1]
            await _settle()
            assert federation.transport.fetched.total() == min(10, seen + ROOM)
            seen += 1
        assert seen == 10
    assert federation.transport.most <= ROOM + 1  # the one that the loop's variable has until the next is there


async def test_all_replies_together_wait_for_nobody() -> None:
    federation = Federation(2 * ROOM, ["never comes"] * ROOM)
    async with federation as many:
        waiting = asyncio.create_task(_all(many))
        await _settle()
        assert federation.transport.held == ROOM
        waiting.cancel()
        await asyncio.wait([waiting])


async def _all(many: ProxyCollection[Proxy]) -> dict[str, Any]:
    return dict(await many.broadcast("fit"))


async def test_each_node_may_have_a_payload_of_its_own() -> None:
    federation = Federation(2 * ROOM)
    async with federation as many:
        replies = await many.collect("fit", {target: {} for target in many.targets})
    assert len(replies) == 2 * ROOM


async def test_a_loop_that_is_left_leaves_nothing_behind() -> None:
    federation = Federation(10)
    async with federation as many:
        before = asyncio.all_tasks()
        async with contextlib.aclosing(aiter(many.broadcast("fit"))) as replies:
            async for _ in replies:
                break
        assert asyncio.all_tasks() == before
        assert federation.transport.fetched.total() <= ROOM


async def test_streams_of_many_nodes_have_an_item_of_each_at_most() -> None:
    fetched: Counter[str] = Counter()
    values: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    async def start(target: str, turn: Turn) -> AsyncGenerator[Any, None]:
        for number in range(5):
            await turn.enter()
            fetched[target] += 1
            yield _note(values, number)

    came: Counter[str] = Counter()
    targets = [str(number) for number in range(8)]
    async for reply in BroadcastStream[Any]("items", targets, start):
        await _settle()
        assert fetched.total() < came.total() + 1 + ROOM
        assert all(fetched[target] - came[target] <= 1 for target in targets)
        came[reply.node_id] += 1
        most = max(most, len(values))
    assert came == dict.fromkeys(targets, 5)
    assert most <= ROOM + 1


class _Large(list[int]):
    """A value of which is known whether somebody still has it."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def _note(values: weakref.WeakSet[Any], number: int) -> _Large:
    value = _Large([number])
    values.add(value)
    return value


@given(
    outcomes=st.lists(
        st.sampled_from(["comes", "fails before", "fails midway", "comes again"]), min_size=1, max_size=9
    ),
    left_after=st.integers(1, 12),
)
def test_nothing_hangs_whatever_becomes_of_the_calls(outcomes: list[Outcome], left_after: int) -> None:
    async def main() -> None:
        federation = Federation(len(outcomes), outcomes)
        async with federation as many, asyncio.timeout(10):
            ended: dict[str, bool] = {}
            async with contextlib.aclosing(aiter(many.broadcast("fit"))) as replies:
                async for reply in replies:
                    ended[reply.node_id] = reply.ok
                    if len(ended) == left_after:
                        break
        assert len(ended) == min(left_after, len(outcomes))
        assert all(ok is outcomes[int(node)].startswith("comes") for node, ok in ended.items())
        assert federation.transport.most <= ROOM + 1

    asyncio.run(main())

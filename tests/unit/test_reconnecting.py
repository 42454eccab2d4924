"""Dialling again, on a clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oiafed_rpc import Address, Code, ReconnectPolicy, RpcError
from oiafed_rpc.errors import MISSING
from oiafed_rpc.reconnecting import Reconnecting
from oiafed_rpc.testing import ManualClock

WHERE = Address.parse("a@127.0.0.1:1")


class Dialled:
    """A node that is dialled, and is there, refuses or says nothing, as its test says."""

    def __init__(self) -> None:
        self.clock = ManualClock(start=0)
        self.failed: list[float] = []
        self.attempts: list[float] = []
        self.failure: RpcError | None = None
        self.hangs = False
        policy = ReconnectPolicy(1, 8, clock=self.clock, random=lambda: 1.0)
        self.reconnecting = Reconnecting("me", policy, lambda _: self.failed.append(self.clock.time()))
        self.reconnecting.keep(WHERE, self.dial)

    async def dial(self) -> None:
        self.attempts.append(self.clock.time())
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    def refuse(self, missing: str, code: Code = Code.UNAVAILABLE) -> None:
        self.failure = RpcError(code, f"{missing} is missing", {MISSING: missing})


@pytest.fixture
async def node() -> AsyncIterator[Dialled]:
    before = asyncio.all_tasks()
    node = Dialled()
    yield node
    await node.reconnecting.stop()
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
    assert node.clock.sleeping == 0


async def test_it_is_dialled_at_once_and_then_ever_more_rarely_until_it_is_there(node: Dialled) -> None:
    node.refuse("listener")
    assert node.reconnecting.begin("a")
    await node.clock.advance(40)
    assert node.attempts == [0, 1, 3, 7, 15, 23, 31, 39]
    assert node.failed == node.attempts
    node.failure = None
    await node.clock.advance(100)
    assert node.attempts[8:] == [47]
    node.refuse("listener")
    node.reconnecting.begin("a")  # it starts from the beginning
    await node.clock.advance(4)
    assert [each - 140 for each in node.attempts[9:]] == [0, 1, 3]


async def test_one_that_is_not_kept_is_not_dialled(node: Dialled) -> None:
    assert not node.reconnecting.begin("b")
    assert not node.reconnecting.cease("b")
    node.reconnecting.hurry("b")
    await node.clock.advance(10)
    assert node.attempts == []


async def test_one_that_has_said_that_it_goes_is_dialled_and_nobody_told(
    node: Dialled, caplog: pytest.LogCaptureFixture
) -> None:
    node.refuse("listener")
    with caplog.at_level(logging.INFO):
        node.reconnecting.begin("a", expected=True)
        await node.clock.advance(4)
    assert node.attempts == [0, 1, 3]
    assert node.failed == []
    assert [each.levelno for each in caplog.records] == [logging.INFO]


async def test_a_sign_of_it_ends_the_pause(node: Dialled) -> None:
    node.refuse("listener")
    node.reconnecting.begin("a")
    await node.clock.advance(8)
    node.reconnecting.hurry("a")
    await node.clock.advance(0)
    node.reconnecting.begin("a")
    await node.clock.advance(0)
    assert node.attempts == [0, 1, 3, 7, 8, 8]


@pytest.mark.parametrize("hangs", [True, False])
async def test_it_is_dialled_no_more_when_that_ceases(node: Dialled, hangs: bool) -> None:
    node.refuse("listener")
    node.hangs = hangs
    node.reconnecting.begin("a")
    await node.clock.advance(0)
    assert node.reconnecting.cease("a")
    assert not node.reconnecting.cease("a")
    node.reconnecting.begin("a")
    await node.clock.advance(0)
    assert node.attempts == [0, 0]
    assert node.reconnecting.cease("a")
    await node.clock.advance(50)
    assert node.attempts == [0, 0]


async def test_one_that_moved_is_dialled_where_it_is_now(node: Dialled) -> None:
    node.refuse("listener")
    node.reconnecting.begin("a")
    await node.clock.advance(2)
    moved = Dialled()
    node.reconnecting.keep(Address.parse("a@127.0.0.1:2"), moved.dial)
    node.reconnecting.begin("a")
    await node.clock.advance(10)
    assert node.attempts == [0, 1]
    assert len(moved.attempts) == 1


async def test_what_is_missing_is_told_once_and_again_when_that_changes(
    node: Dialled, caplog: pytest.LogCaptureFixture
) -> None:
    async def told() -> list[str]:
        caplog.clear()
        await node.clock.advance(50)
        return [each.getMessage() for each in caplog.records]

    trying = "node 'me' cannot connect to a@127.0.0.1:1, and goes on trying: {} is missing"
    with caplog.at_level(logging.INFO):
        node.refuse("listener")
        node.reconnecting.begin("a")
        assert await told() == [trying.format("listener")]
        assert await told() == []
        node.refuse("token", Code.UNAUTHENTICATED)
        assert await told() == [trying.format("token")]
        node.refuse("listener")
        assert await told() == [trying.format("listener")]
        node.failure = None
        assert await told() == ["node 'me' is connected to a@127.0.0.1:1 again"]
        assert await told() == []


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0.01, 100), st.floats(1, 1000))
def test_pauses_are_within_their_bounds(attempt: int, drawn: float, initial: float, times: float) -> None:
    policy = ReconnectPolicy(initial, initial * times, random=lambda: drawn)
    bound = min(initial * 2 ** min(attempt - 1, 64), initial * times)
    assert bound / 2 <= policy.pause(attempt) <= bound


@pytest.mark.parametrize(("initial", "longest"), [(0, 1), (-1, 1), (2, 1), (float("nan"), 1)])
def test_impossible_pauses_are_refused(initial: float, longest: float) -> None:
    with pytest.raises(ValueError, match="initial_delay"):
        ReconnectPolicy(initial, longest)

"""What follows on the failures of a call that its receiver remembers."""

from __future__ import annotations

import time

import pytest
from oiafed_rpc import Code, Message, OutcomeUnknown, RetriableError, RpcError
from oiafed_rpc.delivery.memory import FORGOTTEN, LEDGER
from oiafed_rpc.delivery.redelivery import Lasting, Redelivery
from oiafed_rpc.errors import DeclaredError


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def request(ledger: str = "l1", left: float | None = None) -> Message:
    message = Message("fit", "trainer", "learner_0", None, call_id="t-1")
    message.ledger = ledger
    message.deadline = None if left is None else time.monotonic() + left
    return message


def redelivery(may_repeat: bool = False, lost: bool = False, patience: float = 10.0) -> tuple[Redelivery, Clock]:
    clock = Clock()
    lasting = Lasting(patience, lambda _: lost, clock, lambda: 1.0)
    return Redelivery(lasting, may_repeat=may_repeat), clock


def by_node(ran: bool | None = None, **facts: str) -> RetriableError:
    """What the receiver itself says."""
    return RetriableError("no", {"type": "RetriableError", **facts}, ran=ran)


BROKEN = RetriableError("the link broke")
UNREACHABLE = RetriableError("nobody there", ran=False)
FETCHED = RetriableError("the transfer of the reply broke off", ran=True)


@pytest.mark.parametrize("error", [BROKEN, FETCHED])
async def test_a_broken_link_is_waited_for(error: RetriableError) -> None:
    again, clock = redelivery()
    assert not await again.next(error, request())
    for _ in range(7):
        assert not await again.next(UNREACHABLE, request())
    assert clock.slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


async def test_patience_begins_anew_with_each_link() -> None:
    again, clock = redelivery(patience=1.0)
    for _ in range(30):
        assert not await again.next(BROKEN, request())
    with pytest.raises(OutcomeUnknown, match="may or may not have run: nobody there"):
        for _ in range(30):
            await again.next(UNREACHABLE, request())
    assert clock.now < 104


async def test_a_call_that_may_run_twice_fails_as_its_link_has() -> None:
    again, _ = redelivery(may_repeat=True, lost=True, patience=1.0)
    with pytest.raises(RetriableError) as failure:
        await again.next(BROKEN, request())
    assert failure.value is BROKEN


async def test_a_lost_node_is_not_called() -> None:
    again, clock = redelivery(lost=True, patience=3.0)
    with pytest.raises(OutcomeUnknown):
        await again.next(BROKEN, request())
    assert 103 <= clock.now < 104.1


@pytest.mark.parametrize("error", [UNREACHABLE, by_node(ran=False), by_node(ran=True), RpcError(Code.NOT_FOUND, "no")])
async def test_what_is_no_broken_link_is_told(error: RpcError) -> None:
    again, clock = redelivery()
    with pytest.raises(RpcError) as failure:
        await again.next(error, request())
    assert failure.value is error
    assert not clock.slept


@pytest.mark.parametrize("error", [by_node(ran=True), RpcError(Code.UNAVAILABLE, "no", {"type": "X"}), DeclaredError()])
async def test_an_answer_ends_it(error: RpcError) -> None:
    again, _ = redelivery()
    await again.next(BROKEN, request())
    with pytest.raises(RpcError) as failure:
        await again.next(error, request())
    assert failure.value is error


async def test_without_a_ledger_nothing_is_sent_again() -> None:
    again, _ = redelivery()
    with pytest.raises(RetriableError) as failure:
        await again.next(BROKEN, request(ledger=""))
    assert failure.value is BROKEN


@pytest.mark.parametrize("fact", [LEDGER, FORGOTTEN])
async def test_a_refusal_to_guess(fact: str) -> None:
    refusal = by_node(ran=False, **{fact: "l2"})
    first, clock = redelivery()
    assert await first.next(refusal, request())  # it was never sent before
    assert not clock.slept
    again, _ = redelivery()
    await again.next(BROKEN, request())
    with pytest.raises(OutcomeUnknown):
        await again.next(refusal, request())
    twice, _ = redelivery(may_repeat=True)
    await twice.next(BROKEN, request())
    assert await twice.next(refusal, request())
    endless, _ = redelivery()
    with pytest.raises(RetriableError):
        for _ in range(10):
            await endless.next(refusal, request())


async def test_an_overloaded_node_says_when_to_come_back() -> None:
    again, clock = redelivery()
    await again.next(BROKEN, request())
    busy = RetriableError("busy", {"type": "RetriableError"}, ran=False, retry_after=3.0)
    assert not await again.next(busy, request())
    assert clock.slept[-1] == 3.0


async def test_the_deadline_ends_the_wait() -> None:
    again, clock = redelivery()
    with pytest.raises(RpcError) as failure:
        await again.next(BROKEN, request(left=0.01))
    assert failure.value.code is Code.DEADLINE_EXCEEDED
    assert clock.slept[-1] <= 0.01

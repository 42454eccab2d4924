"""How often a transfer is tried, over which lane, and what is told when it can't be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from oiafed_rpc import RpcError
from oiafed_rpc.body import Body
from oiafed_rpc.bulk import motion
from oiafed_rpc.bulk.chunk import CHUNK
from oiafed_rpc.bulk.courier import Courier
from oiafed_rpc.bulk.errors import LaneUnfit, TransferError
from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.bulk.lanes.choice import Dial, LaneKind
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.errors import Code, RetriableError
from oiafed_rpc.message import Message

Attempt = Callable[[Meter, int], None]


class Scripted(Lane):
    """A lane of which the attempts do as they are told."""

    name = "scripted"

    def __init__(self, attempt: Attempt) -> None:
        self.resumed: list[bool] = []
        self._attempt = attempt

    async def push(self, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
        self.resumed.append(resume)
        self._attempt(meter, len(self.resumed))

    async def pull(self, incoming: Incoming, meter: Meter) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_FIRST_PAUSE", 0.0)


async def deliver(*attempts: Attempt) -> list[Scripted]:
    lanes = [Scripted(attempt) for attempt in attempts]

    def kind(lane: Scripted) -> LaneKind:
        def make(dial: Dial) -> Lane:
            return lane

        return LaneKind(lane.name, make, cast("Any", None))

    outgoing = Outgoing([run_of(np.zeros(20 * CHUNK, np.uint8))])
    message = Message("fit", "trainer", "learner", None)
    made = Courier(cast("Any", None), [kind(lane) for lane in lanes], 1 << 30, 5.0)
    try:
        await made.deliver(Body(b"small"), outgoing, message)
    finally:
        await made.close()
    return lanes


async def test_what_is_always_wrong_is_given_up_however_much_is_sent() -> None:
    def attempt(meter: Meter, number: int) -> None:
        meter.resume(2 * CHUNK if number > 1 else 0)  # two chunks arrive, and the third never does
        meter.advance((number + 2) * CHUNK, CHUNK)
        raise TransferError("the chunk has arrived changed")

    with pytest.raises(RpcError, match=r"broke off after .* has arrived changed") as failed:
        await deliver(attempt)
    assert failed.value.code is Code.DATA_LOSS


async def test_what_is_wrong_now_and_then_is_sent_again() -> None:
    def attempt(meter: Meter, number: int) -> None:
        meter.resume((number - 1) * CHUNK)
        meter.advance(CHUNK, CHUNK)
        if number < 10:
            raise TransferError("the chunk has arrived changed")

    (lane,) = await deliver(attempt)
    assert lane.resumed == [False, *[True] * 9]


async def test_a_lane_that_does_not_take_it_gives_way_to_the_next() -> None:
    def unfit(meter: Meter, number: int) -> None:
        raise LaneUnfit("too large")

    first, second = await deliver(unfit, lambda meter, number: meter.advance(1, 1))
    assert (first.resumed, second.resumed) == ([False], [False])


async def test_a_link_that_does_not_come_back_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_PATIENCE", 0.05)

    def attempt(meter: Meter, number: int) -> None:
        raise ConnectionResetError("gone")

    with pytest.raises(RetriableError, match=r"fit: the transfer to node 'learner' broke off .*: gone") as failed:
        await deliver(attempt)
    assert failed.value.ran is False


async def test_a_link_that_stood_still_before_it_broke_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "_PATIENCE", 1.0)

    def attempt(meter: Meter, number: int) -> None:
        monkeypatch.setattr(meter, "still", lambda: 2.0)
        if number == 1:
            raise ConnectionResetError("gone")

    (lane,) = await deliver(attempt)
    assert lane.resumed == [False, True]


async def test_a_node_that_takes_no_transfers_is_asked_once() -> None:
    class Old:
        asked = 0

        async def send(self, target: str, message: Message) -> Message:
            self.asked += 1
            raise RpcError(Code.UNIMPLEMENTED, "unknown method")

    old, message = Old(), Message("fit", "trainer", "learner", None)
    made = Courier(cast("Any", old), [], 1 << 30, 5.0)
    assert not made.unable
    assert [await made.able(message) for _ in range(2)] == [False, False]
    assert (made.unable, old.asked) == (True, 1)

"""How far transfers have come: what callbacks, the log and the call's own clock are told."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time

import pytest
from oiafed_rpc.bulk.meter import Meter, Transfer
from oiafed_rpc.message import Message
from oiafed_rpc.workers import WORKERS

MIB = 1 << 20


def _meter(total: int, progress: object = None, *, sending: bool = True, call: Message | None = None) -> Meter:
    return Meter("fit", "l1", total, sending=sending, idle=30.0, progress=progress, call=call)  # type: ignore[arg-type]


async def test_the_first_chunk_and_the_end_are_always_told() -> None:
    told: list[Transfer] = []
    meter = _meter(3000, told.append)
    meter.lane = "socket"
    for _ in range(3):
        meter.advance(1000, 500)
    assert [each.done for each in told] == [1000]
    meter.finish()
    last = told[-1]
    assert (last.node_id, last.method, last.sending, last.lane) == ("l1", "fit", True, "socket")
    assert (last.done, last.total, last.moved, last.wire, last.gain) == (3000, 3000, 3000, 1500, 2.0)
    assert last.over
    assert last.error is None
    assert last.rate == last.moved / last.seconds


async def test_callbacks_run_on_the_event_loop_and_about_20_times_a_second() -> None:
    told: list[tuple[int, Transfer]] = []
    meter = _meter(100_000, lambda transfer: told.append((threading.get_ident(), transfer)))

    def work() -> None:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            meter.advance(1, 1)

    await WORKERS.run(work)
    meter.finish()
    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert 2 <= len(told) <= 7
    assert [transfer.over for _, transfer in told].count(True) == 1


async def test_nothing_is_told_after_the_end() -> None:
    told: list[Transfer] = []
    meter = _meter(10, told.append)
    await WORKERS.run(lambda: meter.advance(10, 10))
    meter.finish()
    meter.fail(ConnectionError("late"))
    await asyncio.sleep(0)
    assert [each.over for each in told][-1:] == [True]
    assert sum(each.over for each in told) == 1


async def test_a_callback_that_fails_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def fails(transfer: Transfer) -> None:
        raise ValueError(transfer.done)

    meter = _meter(10, fails)
    meter.advance(10, 10)
    meter.finish()
    assert [record.message.split(" failed")[1] for record in caplog.records] == [
        "; its further failures are not logged"
    ]


async def test_a_coroutine_function_is_no_callback() -> None:
    async def progress(transfer: Transfer) -> None:
        del transfer

    with pytest.raises(TypeError, match="progress must be an ordinary function that takes a Transfer"):
        _meter(10, progress)


async def test_what_had_arrived_before_does_not_count_for_the_rate() -> None:
    told: list[Transfer] = []
    meter = _meter(10, told.append)
    meter.resume(6)
    meter.advance(4, 4)
    meter.finish()
    assert (told[-1].done, told[-1].moved) == (10, 4)


async def test_large_transfers_are_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "oiafed_rpc")
    for total in (16 * MIB - 1, 16 * MIB):
        meter = _meter(total)
        meter.lane = "stream"
        meter.advance(total, total // 2)
        meter.finish()
    (line,) = [record.message for record in caplog.records]
    assert line.startswith("fit sent to node 'l1': 16.8 MB in ")
    assert line.endswith("/s over stream, compressed 2.00 times")


async def test_a_large_transfer_that_fails_says_how_far_it_came(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "oiafed_rpc")
    told: list[Transfer] = []
    meter = _meter(32 * MIB, told.append, sending=False)
    meter.advance(16 * MIB, 16 * MIB)
    meter.fail(ConnectionError("cut"))
    assert caplog.records[0].message.startswith("fit stopped receiving from node 'l1' at 16.8 MB of 33.6 MB in ")
    assert caplog.records[0].message.endswith(": ConnectionError: cut")
    assert isinstance(told[-1].error, ConnectionError)


def _call(left: float, *, default: bool = True, latest: float = math.inf) -> Message:
    message = Message("fit", "t", "l1", None, deadline=time.monotonic() + left)
    message.default_deadline, message.latest = default, latest
    return message


async def test_the_clock_of_a_call_stands_still_while_its_transfer_advances() -> None:
    call = _call(5)
    meter = _meter(10, call=call)
    assert _about(call, 35)  # until the link counts as dead
    meter.advance(10, 10)
    assert _about(call, 35)
    meter.finish()
    assert _about(call, 5)


async def test_a_deadline_that_was_given_does_not_move() -> None:
    call = _call(5, default=False)
    before = call.deadline
    meter = _meter(10, call=call)
    meter.advance(10, 10)
    meter.finish()
    call.keep(10)
    assert call.deadline == before


async def test_a_deadline_does_not_move_past_its_latest() -> None:
    latest = time.monotonic() + 10
    call = _call(5, latest=latest)
    meter = _meter(10, call=call)
    assert call.deadline == latest
    meter.finish()
    assert _about(call, 5)
    call.keep(100)
    assert call.deadline == latest


async def test_a_call_without_a_deadline_gets_none() -> None:
    call = Message("fit", "t", "l1", None)
    call.default_deadline = True
    _meter(10, call=call).finish()
    assert call.deadline is None


def _about(call: Message, seconds: float) -> bool:
    left = call.time_left()
    return left is not None and seconds - 2 < left <= seconds

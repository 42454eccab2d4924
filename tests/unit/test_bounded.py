"""Running a handler within its deadline, inside the task of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import time
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest
from oiafed_rpc import Code, RpcError
from oiafed_rpc.bounded import GRACE, Until, bounded


def _in(seconds: float | None) -> Until:
    return Until(None if seconds is None else time.monotonic() + seconds)


async def _value(value: int, pauses: int = 0) -> int:
    for _ in range(pauses):
        await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("pauses", [0, 1, 5])
@pytest.mark.parametrize("deadline", [None, 30.0])
async def test_a_result_comes_back(pauses: int, deadline: float | None) -> None:
    assert await bounded(_value(3, pauses), _in(deadline), "x") == 3


async def test_an_error_of_what_is_awaited_can_be_handled() -> None:
    async def handles() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, ValueError("inner"))
        try:
            await future
        except ValueError:
            return "handled"
        return "missed"

    assert await bounded(handles(), _in(30), "x") == "handled"


async def test_a_future_that_others_cancel_is_no_cancellation_of_the_call() -> None:
    async def waits_on_cancelled() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        try:
            await future
        except asyncio.CancelledError:
            return "handled"
        return "missed"

    assert await bounded(waits_on_cancelled(), _in(30), "x") == "handled"


async def test_asyncios_own_timeouts_and_groups_work_inside() -> None:
    async def inner() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        async with asyncio.TaskGroup() as group:
            task = group.create_task(_value(1, 3))
        return f"timed out, {task.result()}"

    assert await bounded(inner(), _in(30), "x") == "timed out, 1"


@pytest.mark.parametrize("deadline", [None, 30.0])
async def test_a_timeout_inside_may_clean_up_and_the_handler_goes_on(deadline: float | None) -> None:
    async def cleans_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)

    async def inner() -> str:
        for _ in range(2):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await cleans_up()
        await asyncio.sleep(GRACE + 0.1)
        return "gone on"

    assert await bounded(inner(), _in(deadline), "x") == "gone on"


async def test_the_timer_of_many_waits_holds_nothing_of_the_first() -> None:
    class Payload:
        pass

    current: contextvars.ContextVar[Payload | None] = contextvars.ContextVar("current", default=None)
    held: list[weakref.ref[Payload]] = []

    async def inner() -> None:
        payload = Payload()
        held.append(weakref.ref(payload))
        current.set(payload)
        await bounded(_value(1, 2), _in(30), "x")

    lasting = asyncio.create_task(bounded(asyncio.Event().wait(), _in(60), "x"))
    await asyncio.create_task(inner())
    await asyncio.sleep(0)  # what wakes this task holds the other
    gc.collect()
    assert held[0]() is None
    lasting.cancel()
    await asyncio.wait([lasting])


async def test_a_deadline_ends_what_has_timed_out_inside() -> None:
    async def inner() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0.01)
        await asyncio.Event().wait()

    with pytest.raises(RpcError) as failure:
        await bounded(inner(), _in(0.1), "x")
    assert failure.value.code is Code.DEADLINE_EXCEEDED


async def test_an_outer_timeout_is_not_mistaken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await bounded(asyncio.Event().wait(), _in(30), "x")


async def test_the_deadline_is_not_mistaken_for_an_outer_timeout() -> None:
    async with asyncio.timeout(30):
        with pytest.raises(RpcError) as failure:
            await bounded(asyncio.Event().wait(), _in(0.01), "x")
        assert failure.value.code is Code.DEADLINE_EXCEEDED
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_nested_bounds_of_one_deadline_end_as_one() -> None:
    deadline = _in(0.01)

    async def outer() -> object:
        return await bounded(asyncio.Event().wait(), deadline, "inner")

    with pytest.raises(RpcError) as failure:
        await bounded(outer(), deadline, "outer")
    assert failure.value.code is Code.DEADLINE_EXCEEDED
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancelled_handler_may_clean_up() -> None:
    cleaned: list[str] = []

    async def slow_to_clean() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            async with asyncio.timeout(5):
                await asyncio.sleep(0.01)
            ended = asyncio.create_task(asyncio.Event().wait())
            ended.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ended  # a cancellation that is not the handler's own
            cleaned.append("up")

    with pytest.raises(RpcError) as failure:
        await bounded(slow_to_clean(), _in(0.01), "x")
    assert failure.value.code is Code.DEADLINE_EXCEEDED
    assert cleaned == ["up"]


async def test_cleaning_up_ends_with_the_grace() -> None:
    async def slow_to_clean() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            async with asyncio.timeout(GRACE + 0.1):
                await asyncio.Event().wait()

    began = time.monotonic()
    with pytest.raises(RpcError):
        await bounded(slow_to_clean(), _in(0.01), "x")
    assert time.monotonic() - began < GRACE + 1
    task = asyncio.current_task()
    assert task is not None
    await asyncio.sleep(0.3)  # past the timeout of the handler that is gone
    assert task.cancelling() == 0


async def test_a_caller_that_is_cancelled_stays_cancelled_after_the_grace() -> None:
    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    call = asyncio.create_task(_awaiting(stubborn()))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()


async def _awaiting(steps: Coroutine[Any, Any, None]) -> None:
    await bounded(steps, _in(30), "x")


def test_a_handler_that_ignores_every_cancellation_does_not_keep_the_loop() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    async def main() -> None:
        with pytest.raises(RpcError):
            await bounded(stubborn(), _in(0.01), "x")

    asyncio.run(main())  # cancels what is left, and would wait for it forever


async def test_a_failure_while_being_cancelled_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("cleanup")

    with pytest.raises(RpcError):
        await bounded(fails(), _in(0.01), "x")
    assert "failed while it was being cancelled" in caplog.text
    assert "cleanup" in caplog.text


@pytest.mark.parametrize("late", [False, True])
async def test_a_task_group_of_the_handlers_own_that_fails_is_no_cancellation(late: bool) -> None:
    async def fails() -> None:
        await asyncio.sleep(0.01 if late else 0)
        raise ValueError("mine")

    async def handler() -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())
        return "unreachable"

    async def recovers() -> str:
        try:
            return await handler()
        except* ValueError:
            pass
        return "recovered"

    with pytest.raises(ExceptionGroup):
        await bounded(handler(), _in(5), "it")
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await bounded(recovers(), _in(5), "it") == "recovered"


class _Moving:
    """A deadline that somebody moves."""

    def __init__(self, seconds: float) -> None:
        self.deadline: float | None = time.monotonic() + seconds


async def test_a_deadline_that_moves_is_waited_for() -> None:
    call, done = _Moving(0.01), asyncio.Event()

    async def handler() -> str:
        await done.wait()
        return "done"

    waiting = asyncio.create_task(_bounded(handler(), call))
    await asyncio.sleep(0)
    call.deadline = time.monotonic() + 30
    await asyncio.sleep(0.05)
    assert not waiting.done()
    done.set()
    assert await waiting == "done"


async def test_a_deadline_that_moves_back_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oiafed_rpc.bounded._MOVED", 0.02)
    call = _Moving(0.01)
    waiting = asyncio.create_task(_bounded(asyncio.Event().wait(), call))
    await asyncio.sleep(0)
    call.deadline = time.monotonic() + 30
    await asyncio.sleep(0.05)
    call.deadline = time.monotonic()
    with pytest.raises(RpcError, match="did not end by its deadline"):
        await waiting


async def test_a_deadline_that_moves_after_it_has_struck_changes_nothing() -> None:
    call = _Moving(0.01)

    async def cleans_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            call.deadline = time.monotonic() + 30
            await asyncio.Event().wait()

    with pytest.raises(RpcError, match="did not end by its deadline"):
        await bounded(cleans_up(), call, "x")


async def _bounded(steps: Coroutine[Any, Any, Any], call: _Moving) -> Any:
    return await bounded(steps, call, "x")

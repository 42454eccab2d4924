"""Every failure is a typed error in time; nothing hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from oiafed_rpc import Code, PartialFailure, RpcError, current_call

from tests.conformance.conftest import Federation

DEADLINE = 0.3


async def _fails(awaitable: Any, code: Code, match: str | None = None, within: float = 5.0) -> RpcError:
    began = time.monotonic()
    with pytest.raises(RpcError, match=match) as failure:
        await awaitable
    assert time.monotonic() - began < within
    assert failure.value.code is code
    return failure.value


async def _drain(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


async def test_an_exception_arrives_with_its_type_and_message(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    def boom(a: int, b: int) -> None:
        raise ValueError(f"no {a} and {b}: ünïcode\nand lines")

    learner.register_handler("boom", boom)
    error = await _fails(trainer.get_proxy("learner_0").call("boom", a=1, b=2), Code.INTERNAL)
    assert "ValueError: no 1 and 2: ünïcode\nand lines" in error.message
    assert "boom" in error.message
    assert "learner_0" in error.message
    assert error.details["type"] == "ValueError"
    assert error.details["node"] == "learner_0"


async def test_a_coded_error_keeps_its_code(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def refuse(a: int = 0, b: int = 0) -> None:
        raise RpcError(Code.RESOURCE_EXHAUSTED, "no room", {"retry_after": "3"})

    learner.register_handler("refuse", refuse)
    error = await _fails(trainer.get_proxy("learner_0").call("refuse"), Code.RESOURCE_EXHAUSTED, "no room")
    assert error.details["retry_after"] == "3"


async def test_a_huge_error_arrives_shortened(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def boom(a: int = 0, b: int = 0) -> None:
        raise ValueError("é" * 100_000)

    learner.register_handler("boom", boom)
    error = await _fails(trainer.get_proxy("learner_0").call("boom"), Code.INTERNAL)
    assert "ValueError: ééé" in error.message


async def test_a_handler_that_raises_cancelled_error_is_no_cancellation(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def at_once(a: int = 0, b: int = 0) -> None:
        raise asyncio.CancelledError

    async def later(a: int = 0, b: int = 0) -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    async def awaited(a: int = 0, b: int = 0) -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        await future

    proxy = trainer.get_proxy("learner_0")
    for function in (at_once, later, awaited):
        learner.register_handler(function.__name__, function)
        await _fails(proxy.call(function.__name__), Code.CANCELLED, "raised CancelledError")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize("sort", ["async", "later", "thread"])
@pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, StopIteration, StopAsyncIteration, UnprintableError])
async def test_whatever_a_handler_raises_is_a_typed_error(
    federation: Federation, kind: type[BaseException], sort: str
) -> None:
    trainer, learner = await federation.pair()

    async def at_once(a: int = 0, b: int = 0) -> None:
        raise kind(3)

    async def later(a: int = 0, b: int = 0) -> None:
        await asyncio.sleep(0)
        raise kind(3)

    def in_thread(a: int = 0, b: int = 0) -> None:
        raise kind(3)

    learner.register_handler("odd", {"async": at_once, "later": later, "thread": in_thread}[sort])
    error = await _fails(trainer.get_proxy("learner_0").call("odd"), Code.INTERNAL, "odd")
    assert kind.__name__ in error.message


async def _stubborn(started: asyncio.Event, release: asyncio.Event) -> None:
    """Never returns of its own accord, however often it is cancelled."""
    started.set()
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_handler_that_never_returns_ends_by_the_deadline(federation: Federation, stubborn: bool) -> None:
    trainer, learner = await federation.pair()
    cancelled, release = asyncio.Event(), asyncio.Event()

    async def never(a: int = 0, b: int = 0) -> None:
        if stubborn:
            await _stubborn(asyncio.Event(), release)
            return
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    learner.register_handler("never", never)
    call = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).call("never")
    await _fails(call, Code.DEADLINE_EXCEEDED, "never", within=DEADLINE + 1)
    if not stubborn:
        await asyncio.wait_for(cancelled.wait(), 1)
    release.set()
    await asyncio.sleep(0)


async def test_a_function_that_never_returns_ends_by_the_deadline(federation: Federation) -> None:
    import threading

    trainer, learner = await federation.pair()
    release = threading.Event()
    learner.register_handler("never", lambda a=0, b=0: release.wait(30))
    try:
        call = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).call("never")
        await _fails(call, Code.DEADLINE_EXCEEDED, within=DEADLINE + 1)
    finally:
        release.set()


@pytest.mark.parametrize("after", [0, 2])
async def test_a_stream_that_stalls_ends_by_the_deadline(federation: Federation, after: int) -> None:
    trainer, learner = await federation.pair()
    ended = asyncio.Event()

    async def stall(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        try:
            for number in range(after):
                yield number
            await asyncio.Event().wait()
        finally:
            ended.set()

    learner.register_handler("stall", stall)
    items = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).stream("stall")
    came = []
    with pytest.raises(RpcError) as failure:
        async for item in items:
            came.append(item)
    assert failure.value.code is Code.DEADLINE_EXCEEDED
    assert came == list(range(after))
    await asyncio.wait_for(ended.wait(), 1)


async def test_an_endless_stream_ends_by_the_deadline(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def endless(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        while True:
            yield 1

    learner.register_handler("endless", endless)
    items = trainer.get_proxy("learner_0").with_options(timeout=DEADLINE).stream("endless")
    await _fails(_drain(items), Code.DEADLINE_EXCEEDED, within=DEADLINE + 1)


async def test_an_error_in_a_stream_comes_after_its_items(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def breaks(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        yield 1
        raise KeyError("gone")

    learner.register_handler("breaks", breaks)
    items = trainer.get_proxy("learner_0").stream("breaks")
    assert await anext(items) == 1
    error = await _fails(anext(items), Code.INTERNAL, "KeyError: 'gone'")
    assert error.details["type"] == "KeyError"


async def test_leaving_a_stream_ends_its_handler(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    ended = asyncio.Event()

    async def endless(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            ended.set()

    learner.register_handler("endless", endless)
    items = trainer.get_proxy("learner_0").stream("endless")
    assert await anext(items) == 1
    await items.aclose()
    await asyncio.wait_for(ended.wait(), 1)


async def test_a_cancelled_caller_cancels_the_handler(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(a: int = 0, b: int = 0) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    learner.register_handler("wait", wait)
    call = asyncio.create_task(trainer.get_proxy("learner_0").call("wait"))
    await asyncio.wait_for(started.wait(), 5)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(cancelled.wait(), 1)


async def test_a_cancelled_caller_does_not_wait_for_a_stubborn_handler(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    started, release = asyncio.Event(), asyncio.Event()
    learner.register_handler("stubborn", lambda a=0, b=0: _stubborn(started, release))
    call = asyncio.create_task(trainer.get_proxy("learner_0").call("stubborn"))
    await asyncio.wait_for(started.wait(), 5)
    call.cancel()
    done, _ = await asyncio.wait([call], timeout=1)
    release.set()
    assert call in done
    assert call.cancelled()
    await asyncio.sleep(0)


async def test_what_cannot_be_serialized_is_an_error(federation: Federation) -> None:
    import threading

    trainer, learner = await federation.pair()
    learner.register_handler("give", lambda a=0, b=0: threading.Lock())
    learner.register_handler("take", lambda value, other=None: value.locked())
    proxy = trainer.get_proxy("learner_0")
    if federation.by_reference:
        assert not (await proxy.call("give")).locked()
        assert await proxy.call("take", value=threading.Lock()) is False
        return
    await _fails(proxy.call("give"), Code.INTERNAL, "give .*lock")
    await _fails(proxy.call("take", value=threading.Lock()), Code.INVALID_ARGUMENT, "take.*lock")


async def test_nested_calls_have_what_is_left_of_the_deadline(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    other = await federation.start("other")
    await learner.connect(federation.address(other))

    async def inner(a: int = 0, b: int = 0) -> float:
        return current_call().time_left() or 0.0

    async def outer(a: int = 0, b: int = 0) -> float:
        answer = await learner.get_proxy("other").call("inner")
        assert isinstance(answer, float)
        return answer

    other.register_handler("inner", inner)
    learner.register_handler("outer", outer)
    left = await trainer.get_proxy("learner_0").with_options(timeout=20).call("outer")
    assert 0 < left <= 21  # gRPC rounds a timeout up to two digits or so


async def test_current_call_tells_who_calls(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def who(a: int = 0, b: int = 0) -> list[object]:
        call = current_call()
        await asyncio.sleep(0)
        assert current_call().call_id == call.call_id
        return [call.source, call.role, call.method, dict(call.metadata), bool(call.call_id), call.deadline is not None]

    learner.register_handler("who", who)
    proxy = trainer.get_proxy("learner_0").with_options(metadata={"round": "3", "x_y": "a b"})
    metadata = {"round": "3", "x_y": "a b"}
    assert await proxy.call("who") == ["trainer", "trainer", "who", metadata, True, True]
    with pytest.raises(RpcError, match="inside a handler only"):
        current_call()


async def test_two_calls_have_two_ids(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def call_id(a: int = 0, b: int = 0) -> str:
        return current_call().call_id

    learner.register_handler("id", call_id)
    proxy = trainer.get_proxy("learner_0")
    assert len({await proxy.call("id") for _ in range(5)}) == 5


async def test_a_blocking_function_does_not_hold_up_others(federation: Federation) -> None:
    import threading

    trainer, learner = await federation.pair()
    release = threading.Event()
    learner.register_handler("block", lambda a=0, b=0: release.wait(30))
    learner.register_handler("ping", lambda a=0, b=0: "pong")
    proxy = trainer.get_proxy("learner_0")
    blocked = asyncio.create_task(proxy.call("block"))
    assert await asyncio.wait_for(proxy.call("ping"), 5) == "pong"
    assert not blocked.done()
    release.set()
    assert await blocked is True


class _OwnBase(BaseException):
    """Nobody expects it."""


async def test_a_broadcast_outlives_what_is_no_exception(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    async def odd(a: int = 0, b: int = 0) -> None:
        raise _OwnBase("odd")

    learner.register_handler("odd", odd)
    await _fails(trainer.get_proxy("learner_0").call("odd"), Code.INTERNAL, "_OwnBase: odd")
    with pytest.raises(PartialFailure, match="_OwnBase"):
        await trainer.get_collection(targets=["learner_0"]).broadcast("odd")


@pytest.mark.parametrize("slow", [True, False])
async def test_leaving_a_stream_does_not_wait_for_a_slow_or_broken_end(federation: Federation, slow: bool) -> None:
    trainer, learner = await federation.pair()

    async def ends_badly(a: int = 0, b: int = 0) -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            if slow:
                await asyncio.sleep(30)
            raise ValueError("at the end")

    learner.register_handler("ends_badly", ends_badly)
    items = trainer.get_proxy("learner_0").stream("ends_badly")
    assert await anext(items) == 1
    began = time.monotonic()
    await items.aclose()
    assert time.monotonic() - began < 2


async def test_an_ordinary_generator_ends_in_a_thread(federation: Federation) -> None:
    import threading

    trainer, learner = await federation.pair()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threads: list[int] = []

    def numbers(a: int = 0, b: int = 0) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            threads.append(threading.get_ident())
            loop.call_soon_threadsafe(ended.set)

    learner.register_handler("numbers", numbers)
    items = trainer.get_proxy("learner_0").stream("numbers")
    assert await anext(items) == 1
    await items.aclose()
    await asyncio.wait_for(ended.wait(), 5)
    assert threads != [threading.get_ident()]


async def test_errors_that_are_made_wrong_are_typed_all_the_same(federation: Federation) -> None:
    trainer, learner = await federation.pair()

    class HalfMadeError(RpcError):
        def __init__(self) -> None:
            pass

    class CodedError(RpcError):
        def __init__(self) -> None:
            super().__init__(99, None, {1: None})

    def half(a: int = 0, b: int = 0) -> None:
        raise HalfMadeError

    def coded(a: int = 0, b: int = 0) -> None:
        raise CodedError

    def odd(a: int = 0, b: int = 0) -> None:
        raise RpcError(Code.ABORTED, None, {1: None})

    for function, code in ((half, Code.UNKNOWN), (coded, Code.INTERNAL), (odd, Code.ABORTED)):
        learner.register_handler(function.__name__, function)
        error = await _fails(trainer.get_proxy("learner_0").call(function.__name__), code)
        assert str(error)

"""Nothing hangs: every way to fail, on every kind of call, is a typed error in time."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from oiafed_rpc import CallNext, Code, Context, Interceptor, Message, RpcError, Side
from oiafed_rpc.testing.conformance.checks import fails
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, TYPED, call, proxy_of, register
from oiafed_rpc.testing.conformance.part import Part

_DEADLINE = 0.15


class _UnexpectedError(BaseException):
    """No Exception."""


async def _raises() -> object:
    raise ValueError("broken")


async def _raises_later() -> object:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def _raises_cancelled() -> object:
    raise asyncio.CancelledError


async def _raises_base() -> object:
    raise _UnexpectedError("broken")


async def _never() -> object:
    return await asyncio.get_running_loop().create_future()


async def _stubborn() -> object:
    """Swallows one cancellation, and goes on."""
    try:
        return await _never()
    except asyncio.CancelledError:
        return await _never()


async def _unfit() -> object:
    return threading.Lock()


_WAYS = {
    "raises": (_raises, Code.INTERNAL),
    "raises later": (_raises_later, Code.INTERNAL),
    "raises CancelledError": (_raises_cancelled, Code.CANCELLED),
    "raises a BaseException": (_raises_base, Code.INTERNAL),
    "never returns": (_never, Code.DEADLINE_EXCEEDED),
    "is stubborn": (_stubborn, Code.DEADLINE_EXCEEDED),
    "returns what cannot be sent": (_unfit, Code.INTERNAL),
}


class _Broken(Interceptor):
    """Fails on one side, but lets nodes introduce themselves."""

    def __init__(self, way: str, side: Side) -> None:
        self._way, self._side = way, side

    async def intercept(self, message: Message, context: Context, call_next: CallNext) -> Message:
        if context.side is not self._side or message.method.startswith("oiafed."):
            return await call_next(message, context)
        await (_raises() if self._way == "raises" else _never())
        return message


class Hangs(Part):
    """Nothing hangs: every way to fail, on every kind of call, is a typed error in time."""

    @pytest.mark.parametrize("way", list(_WAYS))
    @EVERY_KIND
    @TYPED
    async def test_a_handler_that_fails(self, federation: Federation, way: str, kind: str, typed: bool) -> None:
        step, code = _WAYS[way]
        if step is _unfit and federation.by_reference and not typed:
            pytest.skip("by reference, anything can be sent")
        trainer, learner = await federation.pair()
        register(learner, step, typed=typed)
        proxy = proxy_of(trainer, "learner_0", typed=typed).with_options(timeout=5)
        if code is Code.DEADLINE_EXCEEDED:
            proxy = proxy.with_options(timeout=_DEADLINE)
        await fails(call(proxy, kind), code, within=_DEADLINE + 1)

    @pytest.mark.parametrize("side", list(Side))
    @pytest.mark.parametrize("way", ["raises", "hangs"])
    @EVERY_KIND
    async def test_an_interceptor_that_fails(self, federation: Federation, way: str, kind: str, side: Side) -> None:
        trainer, learner = await federation.pair(interceptors=[_Broken(way, side)])
        register(learner, _never, typed=True)
        proxy = proxy_of(trainer, "learner_0", typed=True).with_options(timeout=_DEADLINE if way == "hangs" else 5)
        code = Code.INTERNAL if way == "raises" else Code.DEADLINE_EXCEEDED
        await fails(call(proxy, kind), code, within=_DEADLINE + 1)

    @EVERY_KIND
    @TYPED
    async def test_a_peer_that_stops(self, federation: Federation, kind: str, typed: bool) -> None:
        trainer, learner = await federation.pair(retry=False)
        begun = asyncio.Event()

        async def step() -> object:
            begun.set()
            return await _never()

        register(learner, step, typed=typed)
        calling = asyncio.create_task(call(proxy_of(trainer, "learner_0", typed=typed), kind))
        await asyncio.wait_for(begun.wait(), 5)
        began = time.monotonic()
        await learner.stop(0)
        with pytest.raises(RpcError) as failure:
            await asyncio.wait_for(calling, 5)
        assert failure.value.code in (Code.UNAVAILABLE, Code.UNKNOWN)  # the latter of OutcomeUnknown
        assert time.monotonic() - began < 2

    @EVERY_KIND
    @TYPED
    async def test_a_caller_that_gives_up(self, federation: Federation, kind: str, typed: bool) -> None:
        trainer, learner = await federation.pair()
        begun, ended = asyncio.Event(), asyncio.Event()

        async def step() -> object:
            begun.set()
            try:
                return await _never()
            finally:
                ended.set()

        register(learner, step, typed=typed)
        calling: asyncio.Task[Any] = asyncio.create_task(call(proxy_of(trainer, "learner_0", typed=typed), kind))
        await asyncio.wait_for(begun.wait(), 5)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        await asyncio.wait_for(ended.wait(), 1)

"""Errors on every kind of call: codes, causes, retries, tracebacks."""

from __future__ import annotations

import pytest

from oiafed_rpc import Code, RetriableError, RpcError
from oiafed_rpc.testing.conformance.checks import fails
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.kinds import EVERY_KIND, TYPED, call, proxy_of, register
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs


class Codes(Part):
    """Errors on every kind of call: codes, causes, retries, tracebacks."""

    @EVERY_KIND
    @TYPED
    async def test_every_code_arrives_as_it_is(self, federation: Federation, kind: str, typed: bool) -> None:
        trainer, learner = await federation.pair()
        raised: list[RpcError] = []

        async def step() -> object:
            raise raised[-1]

        register(learner, step, typed=typed)
        proxy = proxy_of(trainer, "learner_0", typed=typed).with_options(retry=False)
        for code in Code:
            raised.append(RpcError(code, f"told {code.name}", {"why": "so"}))
            error = await fails(call(proxy, kind), code, f"told {code.name}")
            assert error.details["why"] == "so"

    @EVERY_KIND
    async def test_the_chain_of_causes_is_told(self, federation: Federation, kind: str) -> None:
        trainer, learner = await federation.pair()

        async def step() -> object:
            try:
                raise KeyError("first")
            except KeyError as error:
                raise ValueError("second") from error

        register(learner, step, typed=True)
        error = await fails(call(proxy_of(trainer, "learner_0", typed=True), kind), Code.INTERNAL, "ValueError: second")
        told: list[str] = []
        cause = error.__cause__
        while cause is not None:
            told.append(f"{cause.details['type']}" if isinstance(cause, RpcError) else type(cause).__name__)
            cause = cause.__cause__
        assert told[-1] == "KeyError"

    @EVERY_KIND
    async def test_a_retriable_error_tells_when(self, federation: Federation, kind: str) -> None:
        trainer, learner = await federation.pair(retry=False)

        async def step() -> object:
            raise RetriableError("later", retry_after=2.5)

        register(learner, step, typed=True)
        with pytest.raises(RetriableError, match="later") as failure:
            await call(proxy_of(trainer, "learner_0", typed=True), kind)
        assert failure.value.retry_after == 2.5

    @pytest.mark.parametrize("debug", [True, False])
    @EVERY_KIND
    async def test_the_traceback_is_told_in_debug_mode_only(
        self, federation: Federation, kind: str, debug: bool
    ) -> None:
        trainer, learner = await federation.pair(debug=debug)

        async def broken_here() -> object:
            raise ValueError("broken")

        register(learner, broken_here, typed=True)
        error = await fails(call(proxy_of(trainer, "learner_0", typed=True), kind), Code.INTERNAL, "broken")
        assert ("broken_here" in error.details.get("traceback", "")) is debug

    async def test_declared_errors_arrive_from_streams_too(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register(Painter())
        proxy = trainer.get_proxy("learner_0", stubs.PainterProxy)
        off = stubs.Point(x=-1.0, y=0.0)
        items = proxy.paint(points=[stubs.Point(x=1.0, y=0.0), off])
        assert (await anext(items)).x == 1.0
        with pytest.raises(stubs.OutOfInk, match="off the edge") as failure:
            await anext(items)
        assert failure.value.where == off

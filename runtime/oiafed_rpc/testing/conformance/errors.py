"""Whatever a handler raises is a typed error."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from oiafed_rpc import Code, PartialFailure, RpcError
from oiafed_rpc.testing.conformance.checks import fails
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.painter import Painter, painter_proxy
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs

_ODD: tuple[Any, ...] = (99, None, {1: None})


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class _OwnBase(BaseException):
    """Nobody expects it."""


class Errors(Part):
    """Whatever a handler raises is a typed error."""

    async def test_an_exception_arrives_with_its_type_and_message(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        def boom(a: int, b: int) -> None:
            raise ValueError(f"no {a} and {b}: ünïcode\nand lines")

        learner.register_handler("boom", boom)
        error = await fails(trainer.get_proxy("learner_0").call("boom", a=1, b=2), Code.INTERNAL)
        assert "ValueError: no 1 and 2: ünïcode\nand lines" in error.message
        assert "boom" in error.message
        assert "learner_0" in error.message
        assert error.details["type"] == "ValueError"
        assert error.details["node"] == "learner_0"
        assert error.details["method"] == "boom"

    async def test_an_exception_without_a_text_is_its_type(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def boom(a: int = 0, b: int = 0) -> None:
            raise AssertionError

        learner.register_handler("boom", boom)
        error = await fails(trainer.get_proxy("learner_0").call("boom"), Code.INTERNAL)
        assert error.message == "boom failed on node 'learner_0': AssertionError"

    async def test_a_coded_error_keeps_its_code(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def refuse(a: int = 0, b: int = 0) -> None:
            raise RpcError(Code.RESOURCE_EXHAUSTED, "no room", {"retry_after": "3"})

        learner.register_handler("refuse", refuse)
        error = await fails(trainer.get_proxy("learner_0").call("refuse"), Code.RESOURCE_EXHAUSTED, "no room")
        assert error.details["retry_after"] == "3"
        assert error.details.get("method", "refuse") == "refuse"

    async def test_a_huge_error_arrives_shortened(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def boom(a: int = 0, b: int = 0) -> None:
            raise ValueError("é" * 100_000)

        learner.register_handler("boom", boom)
        error = await fails(trainer.get_proxy("learner_0").call("boom"), Code.INTERNAL)
        assert "ValueError: ééé" in error.message

    async def test_a_handler_that_raises_cancelled_error_is_no_cancellation(self, federation: Federation) -> None:
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
            await fails(proxy.call(function.__name__), Code.CANCELLED, "raised CancelledError")

    @pytest.mark.parametrize("sort", ["async", "later", "thread"])
    @pytest.mark.parametrize("kind", [SystemExit, GeneratorExit, StopIteration, StopAsyncIteration, UnprintableError])
    async def test_whatever_a_handler_raises_is_a_typed_error(
        self, federation: Federation, kind: type[BaseException], sort: str
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
        error = await fails(trainer.get_proxy("learner_0").call("odd"), Code.INTERNAL, "odd")
        assert kind.__name__ in error.message

    async def test_an_error_in_a_stream_comes_after_its_items(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def breaks(a: int = 0, b: int = 0) -> AsyncIterator[int]:
            yield 1
            raise KeyError("gone")

        learner.register_handler("breaks", breaks)
        items = trainer.get_proxy("learner_0").stream("breaks")
        assert await anext(items) == 1
        error = await fails(anext(items), Code.INTERNAL, "KeyError: 'gone'")
        assert error.details["type"] == "KeyError"

    async def test_what_cannot_be_serialized_is_an_error(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("give", lambda a=0, b=0: threading.Lock())
        learner.register_handler("take", lambda value, other=None: cast("Any", value).locked())
        proxy = trainer.get_proxy("learner_0")
        if federation.by_reference:
            assert not (await proxy.call("give")).locked()
            assert await proxy.call("take", value=threading.Lock()) is False
            return
        await fails(proxy.call("give"), Code.INTERNAL, "give .*lock")
        await fails(proxy.call("take", value=threading.Lock()), Code.INVALID_ARGUMENT, "take.*lock")

    async def test_a_broadcast_outlives_what_is_no_exception(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def odd(a: int = 0, b: int = 0) -> None:
            raise _OwnBase("odd")

        learner.register_handler("odd", odd)
        await fails(trainer.get_proxy("learner_0").call("odd"), Code.INTERNAL, "_OwnBase: odd")
        with pytest.raises(PartialFailure, match="_OwnBase"):
            await trainer.get_collection(targets=["learner_0"]).broadcast("odd")

    async def test_errors_that_are_made_wrong_are_typed_all_the_same(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        class HalfMadeError(RpcError):
            def __init__(self) -> None:
                pass

        class CodedError(RpcError):
            def __init__(self) -> None:
                super().__init__(*_ODD)

        def half(a: int = 0, b: int = 0) -> None:
            raise HalfMadeError

        def coded(a: int = 0, b: int = 0) -> None:
            raise CodedError

        def odd(a: int = 0, b: int = 0) -> None:
            raise RpcError(Code.ABORTED, *_ODD[1:])

        for function, code in ((half, Code.UNKNOWN), (coded, Code.INTERNAL), (odd, Code.ABORTED)):
            learner.register_handler(function.__name__, function)
            error = await fails(trainer.get_proxy("learner_0").call(function.__name__), code)
            assert str(error)

    async def test_a_declared_error_arrives_as_its_own_class(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        assert await proxy.draw(color=stubs.Color.RED) is stubs.Color.RED
        with pytest.raises(stubs.OutOfInk, match="no blue") as failure:
            await proxy.draw(color=stubs.Color.BLUE)
        error = failure.value
        assert (error.color, error.left, error.where) == (stubs.Color.BLUE, 0.25, stubs.Point(x=0.0, y=-0.0))
        assert isinstance(error, RpcError)
        assert error.code is Code.FAILED_PRECONDITION
        with pytest.raises(stubs.OutOfInk) as failure:
            await proxy.draw(color=stubs.Color.GREEN)
        assert failure.value.where is None

    async def test_a_declared_error_with_wrong_fields_is_named(self, federation: Federation) -> None:
        if federation.by_reference:
            pytest.skip("by reference, nobody looks inside")
        learner = await federation.start("painter_0", "painter")
        handler: Any = Painter()

        async def draw(color: Any) -> Any:
            raise stubs.OutOfInk("wrong", color=color, left=cast("Any", "much"), where=None)

        handler.draw = draw
        learner.register(handler)
        caller = await federation.start("caller", "curator")
        await federation.connect(caller, learner)
        with pytest.raises(RpcError) as failure:
            await caller.get_proxy("painter_0", stubs.PainterProxy).draw(stubs.Color.RED)
        assert "OutOfInk" in failure.value.message or failure.value.message == "wrong"

"""Calls without a schema."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest

from oiafed_rpc import Code, RpcError
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.part import Part


class SchemaLessCalls(Part):
    """Calls without a schema."""

    async def test_a_single_positional_parameter_takes_the_payload_as_a_dict(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        @learner.register_handler("ping")
        async def handle_ping(data: dict[str, object]) -> dict[str, object]:
            return {"pong": True, **data}

        assert await trainer.get_proxy("learner_0").call("ping") == {"pong": True}
        assert await trainer.get_proxy("learner_0").call("ping", data=1, n=[2]) == {"pong": True, "data": 1, "n": [2]}

    async def test_several_parameters_take_the_payload_by_name(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        class Model:
            def fit(self, weights: object, config: object = None) -> object:
                return [weights, config]

        learner.register_handler("fit", Model().fit)
        proxy = trainer.get_proxy("learner_0")
        assert await proxy.call("fit", weights=1, config={"epochs": 1}) == [1, {"epochs": 1}]
        assert await proxy.call("fit", weights=1) == [1, None]

    @pytest.mark.parametrize("unpack", [True, False])
    async def test_unpack_overrides_the_signature(self, federation: Federation, unpack: bool) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("echo", lambda value: value, unpack=unpack)
        answer = await trainer.get_proxy("learner_0").call("echo", value=3)
        assert answer == (3 if unpack else {"value": 3})

    async def test_parameters_of_any_name_travel(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        names = {"self": 1, "method": 2, "timeout": 3, "target": 4, "payload": 5, "class": 6}
        learner.register_handler("names", lambda **payload: payload)
        assert await trainer.get_proxy("learner_0").call("names", **names) == names

    async def test_functions_of_every_sort_answer(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        loop_thread = threading.get_ident()

        async def on_loop(x: int, y: int = 1) -> list[int]:
            return [x + y, threading.get_ident()]

        def in_thread(x: int, y: int = 1) -> list[int]:
            return [x + y, threading.get_ident()]

        class Object:
            def __call__(self, x: int, y: int = 1) -> list[int]:
                return [x + y, threading.get_ident()]

        cases: list[tuple[str, Callable[..., Any], bool]] = [
            ("async", on_loop, True),
            ("partial", functools.partial(on_loop, y=1), True),
            ("sync", in_thread, False),
            ("object", Object(), False),
            ("awaitable", lambda x, y=1: on_loop(x, y), True),
        ]
        for name, function, same in cases:
            learner.register_handler(name, function, unpack=True)
            total, thread = await trainer.get_proxy("learner_0").call(name, x=1)
            assert total == 2, name
            assert (thread == loop_thread) is same, name

    @pytest.mark.parametrize("sort", ["async", "sync"])
    async def test_generators_answer_streams(self, federation: Federation, sort: str) -> None:
        trainer, learner = await federation.pair()

        async def count(start: int, stop: int) -> AsyncIterator[object]:
            for number in range(start, stop):
                yield {"n": number, "a": np.full(2, number)}

        def count_in_thread(start: int, stop: int) -> Iterator[object]:
            for number in range(start, stop):
                yield {"n": number, "a": np.full(2, number)}

        learner.register_handler("count", count if sort == "async" else count_in_thread)
        items = [item async for item in trainer.get_proxy("learner_0").stream("count", start=3, stop=6)]
        assert [item["n"] for item in items] == [3, 4, 5]
        assert [item["a"].tolist() for item in items] == [[3, 3], [4, 4], [5, 5]]
        assert [item async for item in trainer.get_proxy("learner_0").stream("count", start=0, stop=0)] == []

    async def test_call_and_stream_are_told_apart(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()

        async def items(n: int, m: int) -> AsyncIterator[int]:
            yield n

        learner.register_handler("items", items)
        learner.register_handler("one", lambda n, m: n)
        proxy = trainer.get_proxy("learner_0")
        with pytest.raises(RpcError, match=r"'items' of node 'learner_0' is for proxy.stream") as failure:
            await proxy.call("items", n=1, m=1)
        assert failure.value.code is Code.FAILED_PRECONDITION
        with pytest.raises(RpcError, match=r"is for proxy.call"):
            async for _ in proxy.stream("one", n=1, m=1):
                pass

    async def test_a_parameter_that_does_not_fit_is_named(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("fit", lambda weights, config: None)
        proxy = trainer.get_proxy("learner_0")
        for payload, problem in [
            ({"weights": 1}, "missing a required argument: 'config'"),
            ({"weights": 1, "config": 1, "wieghts": 2}, "unexpected keyword argument 'wieghts'"),
        ]:
            with pytest.raises(RpcError, match=problem) as failure:
                await proxy.call("fit", **payload)
            assert failure.value.code is Code.INVALID_ARGUMENT
            assert "fit" in failure.value.message

    async def test_an_unknown_method_names_the_nearest(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        learner.register_handler("evaluate", lambda weights, config: None)
        with pytest.raises(
            RpcError, match=r"'learner_0'.* has no method 'evalute'; did you mean 'evaluate'"
        ) as failure:
            await trainer.get_proxy("learner_0").call("evalute")
        assert failure.value.code is Code.UNIMPLEMENTED
        assert failure.value.details["method"] == "evalute"

    async def test_names_need_not_be_ascii(self, federation: Federation) -> None:
        learner = await federation.start("schüler_0")
        trainer = await federation.start("trainer-π", "tr%iner")
        learner.register_handler("größe/50%", lambda a=None, b=None: [a, b])
        await federation.connect(trainer, learner)
        assert await trainer.get_proxy("schüler_0").call("größe/50%", b="ß") == [None, "ß"]

    async def test_registering_a_name_twice_is_refused(self, federation: Federation) -> None:
        _, learner = await federation.pair()
        learner.register_handler("fit", lambda a, b: None)
        with pytest.raises(RpcError, match="has a handler for 'fit' already"):
            learner.register_handler("fit", lambda a, b: None)

"""What the schema demands is demanded, and who breaks it is told where."""

# Short handlers are lambdas, whose parameters nothing types.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import datetime
from typing import Any, cast

import numpy as np
import pytest

from oiafed_rpc import Code, RpcError, current_call
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.painter import Painter, everything, painter_proxy
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs


class Rules(Part):
    """What the schema demands is demanded, and who breaks it is told where."""

    @pytest.mark.parametrize(
        ("method", "arguments", "problem"),
        [
            ("add", {"a": "1"}, "Painter/Add: a: expected int64, got str '1'"),
            ("add", {"a": 1.5}, "Painter/Add: a: expected int64, got float 1.5"),
            ("echo", {"value": {"f64": 1}}, "Painter/Echo: value: expected Everything, got dict"),
            ("array", {"value": [1, 2]}, "Painter/Array: value: expected a numpy array, got list"),
            ("arrays", {"value": None}, "Painter/Arrays: value: expected a dict of numpy arrays, got NoneType"),
            ("draw", {"color": "RED"}, "Painter/Draw: color: expected Color, got str 'RED'"),
        ],
    )
    async def test_a_wrong_argument_is_named(
        self, federation: Federation, method: str, arguments: dict[str, Any], problem: str
    ) -> None:
        proxy = await painter_proxy(federation)
        with pytest.raises(RpcError, match=problem) as failure:
            await getattr(proxy, method)(**arguments)
        assert failure.value.code is Code.INVALID_ARGUMENT

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"i32": 2**31}, r"value\.i32: .*expected int32"),
            ({"point": 3}, r"value\.point: expected Point, got int 3"),
            ({"points": ["x"]}, r"value\.points\[0\]: expected Point, got str 'x'"),
            ({"by_number": {1: None}}, r"value\.by_number\[1\]: expected Point, got NoneType"),
            ({"numbers": [1, "x"]}, r"value\.numbers: expected a list of int64"),
            ({"moment": datetime.datetime(2026, 1, 1)}, r"value\.moment: .*time zone"),
            ({"arrays": {"w": [1]}}, r"value\.arrays\['w'\]: expected a numpy array, got list"),
            ({"array": np.array([object()])}, r"value\.array: arrays of dtype object can't be sent"),
            ({"array": np.ma.masked_array([1.0], [True])}, r"value\.array: .*mask"),
            ({"anything": (str(each) for each in range(0))}, r"value\.anything: .*generator"),
            ({"text": 5}, r"value\.text: expected string, got int 5"),
            ({"flag": "yes"}, r"value\.flag: expected bool, got str 'yes'"),
        ],
    )
    async def test_a_wrong_field_deep_inside_is_named(
        self, federation: Federation, changes: dict[str, Any], problem: str
    ) -> None:
        if federation.by_reference:
            pytest.skip("by reference, nobody looks inside")
        proxy = await painter_proxy(federation)
        with pytest.raises(RpcError, match=problem) as failure:
            await proxy.echo(value=everything(**changes))
        assert failure.value.code is Code.INVALID_ARGUMENT

    @pytest.mark.parametrize("result", [None, 3, "x", {"x": 1}])
    async def test_a_handler_that_returns_the_wrong_thing_is_named(
        self, federation: Federation, result: object
    ) -> None:
        learner = await federation.start("painter_0", "painter")
        wrong: Any = Painter()
        wrong.names = lambda: result
        wrong.tree = lambda tree: result
        learner.register(wrong)
        caller = await federation.start("caller", "curator")
        await federation.connect(caller, learner)
        proxy = caller.get_proxy("painter_0", stubs.PainterProxy)
        for call in (proxy.names(), proxy.tree(stubs.Tree(name=""))):
            with pytest.raises(RpcError, match=r"handler of .* returned") as failure:
                await call
            assert failure.value.code is Code.INTERNAL

    async def test_only_the_declared_callers_may_call(self, federation: Federation) -> None:
        assert await (await painter_proxy(federation, "curator")).secret() == "42"

    async def test_others_are_refused(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation, "thief")
        with pytest.raises(RpcError, match=r"role 'thief' may not call .*Secret: only curator may") as failure:
            await proxy.secret()
        assert failure.value.code is Code.PERMISSION_DENIED

    async def test_a_schema_less_call_is_no_way_round(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation, "thief")
        with pytest.raises(RpcError, match=r"role 'thief' may not call secret: only curator may") as failure:
            await proxy.call("secret")
        assert failure.value.code is Code.PERMISSION_DENIED

    async def test_a_node_without_the_handler_says_so(self, federation: Federation) -> None:
        trainer, learner = await federation.pair()
        with pytest.raises(RpcError, match=r"node 'learner_0' .*has no method 'conformance.v1.Painter/Add'") as failure:
            await trainer.get_proxy("learner_0", stubs.PainterProxy).add(1)
        assert failure.value.code is Code.UNIMPLEMENTED
        learner.register(Painter())
        assert await trainer.get_proxy("learner_0", stubs.PainterProxy).add(1) == 6
        with pytest.raises(RpcError, match=r"has a handler for conformance.v1.Painter/Echo already"):
            learner.register(Painter())

    async def test_a_method_brings_its_own_deadline(self, federation: Federation) -> None:
        learner = await federation.start("painter_0", "painter")
        handler: Any = Painter()
        left: list[float | None] = []

        async def draw(color: Any) -> Any:
            left.append(current_call().time_left())
            return color

        handler.draw = draw
        learner.register(handler)
        caller = await federation.start("caller", "curator")
        await federation.connect(caller, learner)
        await caller.get_proxy("painter_0", stubs.PainterProxy).draw(stubs.Color.RED)
        assert left[0] is not None
        assert 6 < left[0] <= 7.1

    async def test_a_handler_that_takes_other_parameters_is_refused(self, federation: Federation) -> None:
        learner = await federation.start("painter_0", "painter")
        handler: Any = Painter()
        handler.add = lambda a, c: a
        with pytest.raises(TypeError, match=r"Painter.add takes \(a, c\), but the schema gives it \(a, b\)"):
            learner.register(handler)
        learner.register(Painter())

    async def test_wrong_classes_are_refused(self, federation: Federation) -> None:
        node = await federation.start("node", "x")
        with pytest.raises(TypeError, match="register takes an instance"):
            node.register(cast("Any", stubs.PainterHandler))
        with pytest.raises(TypeError, match="get_proxy takes a generated Proxy class"):
            node.get_proxy("x", cast("Any", stubs.PainterCollection))
        with pytest.raises(TypeError, match="get_collection takes a generated Collection class"):
            node.get_collection(cast("Any", stubs.PainterProxy))

    @pytest.mark.parametrize("first", ["function", "handler"])
    async def test_a_function_and_a_method_never_share_a_name(self, federation: Federation, first: str) -> None:
        node = await federation.start("node", "painter")
        if first == "function":
            node.register_handler("add", lambda a, b: a)
            with pytest.raises(RpcError, match="has a handler for 'add' already"):
                node.register(Painter())
        else:
            node.register(Painter())
            with pytest.raises(RpcError, match="has a handler for 'add' already"):
                node.register_handler("add", lambda a, b: a)
        node.register_handler("hello", lambda a=0, b=0: "hi")  # the system's own names are nobody's

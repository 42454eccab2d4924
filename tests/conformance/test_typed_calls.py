"""Calls through generated stubs: every type arrives as it was sent."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from oiafed_rpc import Code, Node, RpcError

from tests.conformance.conftest import Federation
from tests.conformance.stubs import conformance

UTC = datetime.UTC


def painter() -> Any:
    stubs = conformance()

    class Painter(stubs.PainterHandler):
        """Asynchronous where it is odd, ordinary where it is even: both must do."""

        async def echo(self, value: Any) -> Any:
            return value

        def tree(self, tree: Any) -> Any:
            return tree

        async def add(self, a: int, b: int) -> int:
            return a + b

        def names(self) -> list[str]:
            return ["a", "", "ü"]

        async def where(self, name: str) -> Any:
            return stubs.Point(x=1.0, y=2.0) if name == "here" else None

        def array(self, value: Any) -> Any:
            return value

        async def arrays(self, value: Any) -> Any:
            return value

        def anything(self, value: Any) -> Any:
            return value

        async def nothing(self) -> None:
            return None

        def draw(self, color: Any) -> Any:
            if color is stubs.Color.BLUE:
                raise stubs.OutOfInk("no blue", color=color, left=0.25, where=stubs.Point(x=0.0, y=-0.0))
            if color is stubs.Color.GREEN:
                raise stubs.OutOfInk(color=color, left=0.0, where=None)
            return color

        async def secret(self) -> str:
            return "42"

        async def count(self, start: int, stop: int) -> AsyncIterator[int]:
            for number in range(start, stop):
                yield number

        def walk(self, steps: int) -> Iterator[Any]:
            for step in range(steps):
                yield stubs.Point(x=float(step), y=0.0)
            raise stubs.OutOfInk("that is all", color=stubs.Color.RED, left=0.0, where=None)

        async def sum(self, start: int, numbers: AsyncIterator[int]) -> int:
            async for number in numbers:
                start += number
            return start

        async def average(self, numbers: AsyncIterator[float]) -> float:
            together = [number async for number in numbers]
            return math.fsum(together) / len(together)

        async def gather(self, arrays: AsyncIterator[Any]) -> Any:
            return {name: array async for each in arrays for name, array in each.items()}

        async def paint(self, points: AsyncIterator[Any]) -> AsyncIterator[Any]:
            async for point in points:
                if point.x < 0:
                    raise stubs.OutOfInk("off the edge", color=stubs.Color.RED, left=0.0, where=point)
                yield point

        async def running_sum(self, start: int, numbers: AsyncIterator[int]) -> AsyncIterator[int]:
            async for number in numbers:
                start += number
                yield start

    return Painter()


async def _proxy(federation: Federation, role: str = "curator") -> Any:
    learner = await federation.start("painter_0", "painter")
    learner.register(painter())
    caller = await federation.start("caller", role)
    await caller.connect(federation.address(learner))
    return caller.get_proxy("painter_0", conformance().PainterProxy)


def everything(**changes: Any) -> Any:
    stubs = conformance()
    values: dict[str, Any] = {
        "f64": math.pi,
        "f32": 0.5,
        "i32": -(2**31),
        "i64": 2**63 - 1,
        "u32": 2**32 - 1,
        "u64": 2**64 - 1,
        "s32": -1,
        "s64": -(2**63),
        "x32": 7,
        "x64": 2**63,
        "sx32": -7,
        "sx64": -(2**40),
        "flag": True,
        "text": "ünïcode \x00 text",
        "raw": bytes(range(256)),
        "color": stubs.Color.GREEN,
        "point": stubs.Point(x=-0.0, y=math.inf),
        "moment": datetime.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=UTC),
        "span": datetime.timedelta(days=-3, microseconds=7),
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "arrays": {"b": np.ones(2), "a": np.zeros((0, 4), np.int8)},
        "anything": {"k": [1, 2.5, None, (True, "x")], "a": np.arange(3)},
        "numbers": [1, -2, 2**40],
        "points": [stubs.Point(x=1.0, y=2.0), stubs.Point(x=3.0, y=4.0)],
        "colors": [stubs.Color.BLUE, stubs.Color.RED],
        "list_of_arrays": [np.ones(1), np.array(3.5)],
        "by_name": {"one": 1.0, "": -1.0},
        "by_number": {-3: stubs.Point(x=1.0, y=1.0)},
        "by_flag": {True: stubs.Color.BLUE, False: stubs.Color.RED},
        "arrays_by_name": {"w": np.eye(2)},
        "maybe_number": 0,
        "maybe_text": "",
        "maybe_point": stubs.Point(x=0.0, y=0.0),
        "maybe_array": np.zeros(2),
        "maybe_moment": datetime.datetime(1969, 12, 31, tzinfo=UTC),
    }
    return stubs.Everything(**{**values, **changes})


async def test_every_type_round_trips(federation: Federation) -> None:
    proxy = await _proxy(federation)
    sent = everything()
    came = await proxy.echo(value=sent)
    for field in dataclasses.fields(sent):
        name = field.name
        assert type(getattr(came, name)) is type(getattr(sent, name)), name
    assert came == sent
    assert list(came.arrays) == ["b", "a"]
    assert came.chosen == 0.5
    assert came.picked is conformance().Color.BLUE
    assert came.moment.tzinfo is not None


async def test_what_is_absent_stays_absent(federation: Federation) -> None:
    proxy = await _proxy(federation)
    absent = dict.fromkeys(("maybe_number", "maybe_text", "maybe_point", "maybe_array", "maybe_moment"))
    empty = {"numbers": [], "points": [], "by_name": {}, "arrays": {}, "raw": b"", "text": ""}
    sent = everything(**absent, **empty, chosen=0.0, picked=conformance().Color.RED)
    came = await proxy.echo(value=sent)
    assert came == sent
    assert came.maybe_number is None
    assert came.chosen == 0.0


async def test_a_received_array_can_be_written_to(federation: Federation) -> None:
    proxy = await _proxy(federation)
    came = await proxy.arrays(value={"w": np.zeros(3)})
    came["w"] += 1
    assert came["w"].tolist() == [1, 1, 1]
    deep = await proxy.anything(value={"w": np.zeros(3)})
    deep["w"] += 1
    assert deep["w"].tolist() == [1, 1, 1]


ARRAYS = {
    "zero-dimensional": np.array(7.5),
    "empty": np.zeros((0, 3)),
    "one": np.ones(1, np.uint8),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "view": np.arange(20)[::-3],
    "transposed": np.arange(6, dtype=np.int16).reshape(2, 3).T,
    "broadcast": np.broadcast_to(np.float32(3), (4, 2)),
    "big-endian": np.arange(3, dtype=">f8"),
    "boolean": np.array([True, False]),
    "complex": np.array([1 + 2j, -0.0j]),
    "float16": np.array([1.5, -0.0], np.float16),
    "nan": np.array([np.nan, -np.nan, np.inf]),
    "text": np.array(["ü", "abc"]),
    "bytes": np.array([b"x", b"abc"]),
    "moments": np.array(["2026-01-01", "NaT"], "M8[s]"),
    "five dimensions": np.zeros((1, 2, 1, 2, 1), np.int64),
}


@pytest.mark.parametrize("name", list(ARRAYS))
async def test_arrays_of_every_sort_round_trip(federation: Federation, name: str) -> None:
    proxy = await _proxy(federation)
    sent = ARRAYS[name]
    for came in (
        await proxy.array(value=sent),
        (await proxy.arrays(value={name: sent}))[name],
        (await proxy.anything(value=[sent]))[0],
    ):
        assert came.dtype == sent.dtype
        assert came.shape == sent.shape
        assert came.tobytes() == sent.tobytes()


async def test_bfloat16_round_trips(federation: Federation) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    proxy = await _proxy(federation)
    sent = np.array([1.5, -2.0, 3e38], ml_dtypes.bfloat16)
    for came in (await proxy.array(value=sent), await proxy.anything(value=sent)):
        assert came.dtype == sent.dtype
        assert came.tobytes() == sent.tobytes()


async def test_values_parameters_and_nothing(federation: Federation) -> None:
    stubs = conformance()
    proxy = await _proxy(federation)
    assert await proxy.add(2, 3) == 5
    assert await proxy.add(a=2) == 7
    assert await proxy.names() == ["a", "", "ü"]
    assert await proxy.where(name="here") == stubs.Point(x=1.0, y=2.0)
    assert await proxy.where(name="there") is None
    assert await proxy.nothing() is None
    tree = stubs.Tree(name="root", left=stubs.Tree(name="l"), children=[stubs.Tree(name="c")])
    assert await proxy.tree(tree) == tree


async def test_a_declared_error_arrives_as_its_own_class(federation: Federation) -> None:
    stubs = conformance()
    proxy = await _proxy(federation)
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


async def test_streams_of_values_and_records(federation: Federation) -> None:
    stubs = conformance()
    proxy = await _proxy(federation)
    assert [number async for number in proxy.count(start=2, stop=5)] == [2, 3, 4]
    assert [number async for number in proxy.count(start=2, stop=2)] == []
    came = []
    with pytest.raises(stubs.OutOfInk, match="that is all"):
        async for point in proxy.walk(steps=2):
            came.append(point)
    assert came == [stubs.Point(x=0.0, y=0.0), stubs.Point(x=1.0, y=0.0)]


async def test_an_unknown_member_of_an_enumeration_keeps_its_number(federation: Federation) -> None:
    stubs = conformance()
    proxy = await _proxy(federation)
    assert await proxy.draw(color=stubs.Color(17)) == 17


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
    federation: Federation, method: str, arguments: dict[str, Any], problem: str
) -> None:
    proxy = await _proxy(federation)
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
        ({"anything": (x for x in ())}, r"value\.anything: .*generator"),
        ({"text": 5}, r"value\.text: expected string, got int 5"),
        ({"flag": "yes"}, r"value\.flag: expected bool, got str 'yes'"),
    ],
)
async def test_a_wrong_field_deep_inside_is_named(
    federation: Federation, changes: dict[str, Any], problem: str
) -> None:
    if federation.by_reference:
        pytest.skip("by reference, nobody looks inside")
    proxy = await _proxy(federation)
    with pytest.raises(RpcError, match=problem) as failure:
        await proxy.echo(value=everything(**changes))
    assert failure.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("result", [None, 3, "x", {"x": 1}])
async def test_a_handler_that_returns_the_wrong_thing_is_named(federation: Federation, result: object) -> None:
    learner = await federation.start("painter_0", "painter")
    wrong = painter()
    wrong.names = lambda: result
    wrong.tree = lambda tree: result
    learner.register(wrong)
    caller = await federation.start("caller", "curator")
    await caller.connect(federation.address(learner))
    proxy = caller.get_proxy("painter_0", conformance().PainterProxy)
    for call in (proxy.names(), proxy.tree(conformance().Tree(name=""))):
        with pytest.raises(RpcError, match=r"handler of .* returned") as failure:
            await call
        assert failure.value.code is Code.INTERNAL


async def test_only_the_declared_callers_may_call(federation: Federation) -> None:
    assert await (await _proxy(federation, "curator")).secret() == "42"


async def test_others_are_refused(federation: Federation) -> None:
    proxy = await _proxy(federation, "thief")
    with pytest.raises(RpcError, match=r"role 'thief' may not call .*Secret: only curator may") as failure:
        await proxy.secret()
    assert failure.value.code is Code.PERMISSION_DENIED


async def test_a_schema_less_call_is_no_way_round(federation: Federation) -> None:
    proxy = await _proxy(federation, "thief")
    with pytest.raises(RpcError, match=r"role 'thief' may not call secret: only curator may") as failure:
        await proxy.call("secret")
    assert failure.value.code is Code.PERMISSION_DENIED


async def test_a_node_without_the_handler_says_so(federation: Federation) -> None:
    trainer, learner = await federation.pair()
    with pytest.raises(RpcError, match=r"node 'learner_0' .*has no method 'conformance.v1.Painter/Add'") as failure:
        await trainer.get_proxy("learner_0", conformance().PainterProxy).add(1)
    assert failure.value.code is Code.UNIMPLEMENTED
    learner.register(painter())
    assert await trainer.get_proxy("learner_0", conformance().PainterProxy).add(1) == 6
    with pytest.raises(RpcError, match=r"has a handler for conformance.v1.Painter/Echo already"):
        learner.register(painter())


async def test_typed_handlers_answer_schema_less_calls(federation: Federation) -> None:
    proxy: Any = await _proxy(federation)
    assert await proxy.call("add", a=1, b=2) == 3
    assert await proxy.call("add", a=1) == 6
    assert [item async for item in proxy.stream("count", start=0, stop=2)] == [0, 1]
    with pytest.raises(RpcError, match="missing a required argument: 'a'"):
        await proxy.call("add", b=1)


async def test_plain_values_make_records_for_typed_handlers(federation: Federation) -> None:
    stubs = conformance()
    proxy = await _proxy(federation)
    plain = {"name": "root", "left": {"name": "l"}, "children": [{"name": "c"}, stubs.Tree(name="d")]}
    tree = await proxy.call("tree", tree=plain)
    assert tree == stubs.Tree(
        name="root", left=stubs.Tree(name="l"), children=[stubs.Tree(name="c"), stubs.Tree(name="d")]
    )
    assert await proxy.call("draw", color="RED") is stubs.Color.RED
    assert await proxy.call("draw", color=0) is stubs.Color.RED
    with pytest.raises(
        RpcError, match=r"tree: tree\.children\[0\]: there is no 'nmae' \(did you mean 'name'\?\)"
    ) as failure:
        await proxy.call("tree", tree={"name": "x", "children": [{"nmae": "y"}]})
    assert failure.value.code is Code.INVALID_ARGUMENT


async def test_collections_of_a_role(federation: Federation) -> None:
    stubs = conformance()
    caller: Node = await federation.start("caller", "curator")
    for index in range(3):
        learner = await federation.start(f"painter_{index}", "painter")
        learner.register(painter())
        await caller.connect(federation.address(learner))
    bystander = await federation.start("bystander", "critic")
    await caller.connect(federation.address(bystander))
    painters = caller.get_collection(stubs.PainterCollection)
    assert painters.targets == ["painter_0", "painter_1", "painter_2"]
    replies = await painters.array(value=np.arange(3))
    assert [reply.tolist() for reply in replies.values()] == [[0, 1, 2]] * 3
    items = [(reply.node_id, reply.value) async for reply in painters.count(start=0, stop=2)]
    assert sorted(items) == [(f"painter_{index}", number) for index in range(3) for number in range(2)]


async def test_a_method_brings_its_own_deadline(federation: Federation) -> None:
    learner = await federation.start("painter_0", "painter")
    from oiafed_rpc import current_call

    handler = painter()
    left: list[float | None] = []

    async def draw(color: Any) -> Any:
        left.append(current_call().time_left())
        return color

    handler.draw = draw
    learner.register(handler)
    caller = await federation.start("caller", "curator")
    await caller.connect(federation.address(learner))
    await caller.get_proxy("painter_0", conformance().PainterProxy).draw(conformance().Color.RED)
    assert left[0] is not None
    assert 6 < left[0] <= 7.1


async def test_a_declared_error_with_wrong_fields_is_named(federation: Federation) -> None:
    if federation.by_reference:
        pytest.skip("by reference, nobody looks inside")
    stubs = conformance()
    learner = await federation.start("painter_0", "painter")
    handler = painter()

    async def draw(color: Any) -> Any:
        raise stubs.OutOfInk("wrong", color=color, left="much", where=None)

    handler.draw = draw
    learner.register(handler)
    caller = await federation.start("caller", "curator")
    await caller.connect(federation.address(learner))
    with pytest.raises(RpcError) as failure:
        await caller.get_proxy("painter_0", stubs.PainterProxy).draw(stubs.Color.RED)
    assert "OutOfInk" in failure.value.message or failure.value.message == "wrong"


async def test_a_handler_that_takes_other_parameters_is_refused(federation: Federation) -> None:
    learner = await federation.start("painter_0", "painter")
    handler = painter()
    handler.add = lambda a, c: a
    with pytest.raises(TypeError, match=r"Painter.add takes \(a, c\), but the schema gives it \(a, b\)"):
        learner.register(handler)
    learner.register(painter())


async def test_wrong_classes_are_refused(federation: Federation) -> None:
    stubs = conformance()
    node = await federation.start("node", "x")
    with pytest.raises(TypeError, match="register takes an instance"):
        node.register(stubs.PainterHandler)
    with pytest.raises(TypeError, match="get_proxy takes a generated Proxy class"):
        node.get_proxy("x", stubs.PainterCollection)
    with pytest.raises(TypeError, match="get_collection takes a generated Collection class"):
        node.get_collection(stubs.PainterProxy)


@pytest.mark.parametrize("first", ["function", "handler"])
async def test_a_function_and_a_method_never_share_a_name(federation: Federation, first: str) -> None:
    node = await federation.start("node", "painter")
    if first == "function":
        node.register_handler("add", lambda a, b: a)
        with pytest.raises(RpcError, match="has a handler for 'add' already"):
            node.register(painter())
    else:
        node.register(painter())
        with pytest.raises(RpcError, match="has a handler for 'add' already"):
            node.register_handler("add", lambda a, b: a)
    node.register_handler("hello", lambda a=0, b=0: "hi")  # the system's own names are nobody's


async def test_leaving_a_broadcast_of_streams_early_ends_it(federation: Federation) -> None:
    stubs = conformance()
    caller = await federation.start("caller", "curator")
    learner = await federation.start("painter_0", "painter")
    learner.register(painter())
    await caller.connect(federation.address(learner))
    painters = caller.get_collection(stubs.PainterCollection)
    items = painters.count(start=0, stop=10_000)
    async with asyncio.timeout(10):
        replies = aiter(items)
        assert (await anext(replies)).value == 0
        await asyncio.sleep(0.05)  # the stream runs ahead, until nobody takes what it gives
        await replies.aclose()
    with pytest.raises(RuntimeError, match="made already"):
        await anext(aiter(items))
    once = painters.names()
    assert "painter_0" in await once
    with pytest.raises(RuntimeError, match="made already"):
        await once


async def test_replies_know_who_answered(federation: Federation) -> None:
    caller = await federation.start("caller", "curator")
    for name in ("good", "bad"):
        node = await federation.start(name, "x")

        def answer(a: int = 0, b: int = 0, name: str = name) -> str:
            if name == "bad":
                raise ValueError("no")
            return name

        node.register_handler("ask", answer)
        await caller.connect(federation.address(node))
    replies = await caller.get_collection(role="x").with_options(min_replies=1).broadcast("ask")
    assert "good" in replies
    assert "bad" not in replies
    assert list(replies.errors) == ["bad"]

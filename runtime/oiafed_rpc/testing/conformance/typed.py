"""Calls through generated stubs: every type arrives as it was sent."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from oiafed_rpc import Code, RpcError
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.conformance.painter import everything, painter_proxy
from oiafed_rpc.testing.conformance.part import Part
from oiafed_rpc.testing.stubs.conformance import v1 as stubs

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


class TypedCalls(Part):
    """Calls through generated stubs: every type arrives as it was sent."""

    async def test_every_type_round_trips(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        sent = everything()
        came = await proxy.echo(value=sent)
        for field in dataclasses.fields(sent):
            name = field.name
            assert type(getattr(came, name)) is type(getattr(sent, name)), name
        assert came == sent
        assert list(came.arrays) == ["b", "a"]
        assert came.chosen == 0.5
        assert came.picked is stubs.Color.BLUE
        assert came.moment.tzinfo is not None

    async def test_what_is_absent_stays_absent(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        absent = dict.fromkeys(("maybe_number", "maybe_text", "maybe_point", "maybe_array", "maybe_moment"))
        empty: dict[str, Any] = {"numbers": [], "points": [], "by_name": {}, "arrays": {}, "raw": b"", "text": ""}
        sent = everything(**absent, **empty, chosen=0.0, picked=stubs.Color.RED)
        came = await proxy.echo(value=sent)
        assert came == sent
        assert came.maybe_number is None
        assert came.chosen == 0.0

    async def test_a_received_array_can_be_written_to(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        came = await proxy.arrays(value={"w": np.zeros(3)})
        came["w"] += 1
        assert came["w"].tolist() == [1, 1, 1]
        deep = await proxy.anything(value={"w": np.zeros(3)})
        deep["w"] += 1
        assert deep["w"].tolist() == [1, 1, 1]

    @pytest.mark.parametrize("name", list(ARRAYS))
    async def test_arrays_of_every_sort_round_trip(self, federation: Federation, name: str) -> None:
        proxy = await painter_proxy(federation)
        sent = ARRAYS[name]
        for came in (
            await proxy.array(value=sent),
            (await proxy.arrays(value={name: sent}))[name],
            (await proxy.anything(value=[sent]))[0],
        ):
            assert came.dtype == sent.dtype
            assert came.shape == sent.shape
            assert came.tobytes() == sent.tobytes()

    async def test_bfloat16_round_trips(self, federation: Federation) -> None:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        proxy = await painter_proxy(federation)
        sent = np.array([1.5, -2.0, 3e38], ml_dtypes.bfloat16)
        for came in (await proxy.array(value=sent), await proxy.anything(value=sent)):
            assert came.dtype == sent.dtype
            assert came.tobytes() == sent.tobytes()

    async def test_values_parameters_and_nothing(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        assert await proxy.add(2, 3) == 5
        assert await proxy.add(a=2) == 7
        assert await proxy.names() == ["a", "", "ü"]
        assert await proxy.where(name="here") == stubs.Point(x=1.0, y=2.0)
        assert await proxy.where(name="there") is None
        nothing: Any = proxy.nothing()
        assert await nothing is None
        tree = stubs.Tree(name="root", left=stubs.Tree(name="l"), children=[stubs.Tree(name="c")])
        assert await proxy.tree(tree) == tree

    async def test_streams_of_values_and_records(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        assert [number async for number in proxy.count(start=2, stop=5)] == [2, 3, 4]
        assert [number async for number in proxy.count(start=2, stop=2)] == []
        came: list[stubs.Point] = []
        with pytest.raises(stubs.OutOfInk, match="that is all"):
            async for point in proxy.walk(steps=2):
                came.append(point)
        assert came == [stubs.Point(x=0.0, y=0.0), stubs.Point(x=1.0, y=0.0)]

    async def test_an_unknown_member_of_an_enumeration_keeps_its_number(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
        assert await proxy.draw(color=stubs.Color(17)) == 17

    async def test_typed_handlers_answer_schema_less_calls(self, federation: Federation) -> None:
        proxy: Any = await painter_proxy(federation)
        assert await proxy.call("add", a=1, b=2) == 3
        assert await proxy.call("add", a=1) == 6
        assert [item async for item in proxy.stream("count", start=0, stop=2)] == [0, 1]
        with pytest.raises(RpcError, match="missing a required argument: 'a'"):
            await proxy.call("add", b=1)

    async def test_plain_values_make_records_for_typed_handlers(self, federation: Federation) -> None:
        proxy = await painter_proxy(federation)
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

"""The handler that typed calls go to, and what they carry."""

from __future__ import annotations

import datetime
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np

from oiafed_rpc import Tensor, Tensors
from oiafed_rpc.testing.conformance.federation import Federation
from oiafed_rpc.testing.stubs.conformance import v1 as stubs


class Painter(stubs.PainterHandler):
    """Asynchronous where it is odd, ordinary where it is even: both must do."""

    async def echo(self, value: stubs.Everything) -> stubs.Everything:
        return value

    def tree(self, tree: stubs.Tree) -> stubs.Tree:
        return tree

    async def add(self, a: int, b: int = 5) -> int:
        return a + b

    def names(self) -> list[str]:
        return ["a", "", "ü"]

    async def where(self, name: str) -> stubs.Point | None:
        return stubs.Point(x=1.0, y=2.0) if name == "here" else None

    def array(self, value: Tensor) -> Tensor:
        return value

    async def arrays(self, value: Tensors) -> Tensors:
        return value

    def anything(self, value: Any) -> Any:
        return value

    async def nothing(self) -> None:
        return None

    def draw(self, color: stubs.Color) -> stubs.Color:
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

    def walk(self, steps: int) -> Iterator[stubs.Point]:
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

    async def gather(self, arrays: AsyncIterator[Tensors]) -> Tensors:
        return {name: array async for each in arrays for name, array in each.items()}

    async def paint(self, points: AsyncIterator[stubs.Point]) -> AsyncIterator[stubs.Point]:
        async for point in points:
            if point.x < 0:
                raise stubs.OutOfInk("off the edge", color=stubs.Color.RED, left=0.0, where=point)
            yield point

    async def running_sum(self, start: int, numbers: AsyncIterator[int]) -> AsyncIterator[int]:
        async for number in numbers:
            start += number
            yield start


async def painter_proxy(federation: Federation, role: str = "curator") -> stubs.PainterProxy:
    """A node that calls the painter of another."""
    learner = await federation.start("painter_0", "painter")
    learner.register(Painter())
    caller = await federation.start("caller", role)
    await federation.connect(caller, learner)
    return caller.get_proxy("painter_0", stubs.PainterProxy)


def everything(**changes: Any) -> stubs.Everything:
    """A value of every type, some of them changed."""
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
        "moment": datetime.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=datetime.UTC),
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
        "maybe_moment": datetime.datetime(1969, 12, 31, tzinfo=datetime.UTC),
    }
    return stubs.Everything(**{**values, **changes})

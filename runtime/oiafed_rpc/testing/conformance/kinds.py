"""One call of each kind, typed and schema-less, to handlers that do as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from oiafed_rpc import Node, Proxy
from oiafed_rpc.testing.conformance.checks import drain
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.stubs.conformance.v1 import PainterProxy

KINDS = ["unary", "server", "client", "two-way"]

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
TYPED = pytest.mark.parametrize("typed", [True, False], ids=["typed", "schema-less"])


def register(node: Node, step: Callable[[], Awaitable[Any]], *, typed: bool) -> None:
    """Have a node answer calls of each kind.

    `step` is taken once the whole request has come, and gives the result or the last item.
    """

    async def add(a: int, b: int = 0) -> Any:
        return await step()

    async def count(start: int, stop: int) -> AsyncIterator[Any]:
        yield start
        yield await step()

    async def total(start: int, numbers: AsyncIterator[int]) -> Any:
        await drain(numbers)
        return await step()

    async def running_sum(start: int, numbers: AsyncIterator[int]) -> AsyncIterator[Any]:
        async for number in numbers:
            yield number
        yield await step()

    functions: dict[str, Callable[..., Any]] = {"add": add, "count": count, "sum": total, "running_sum": running_sum}
    if typed:
        handler = Painter()
        for name, function in functions.items():
            setattr(handler, name, function)
        node.register(handler)
        return
    for name, function in functions.items():
        node.register_handler(name, function, unpack=True)


def proxy_of(node: Node, target: str, *, typed: bool) -> Proxy:
    """What calls those handlers."""
    return node.get_proxy(target, PainterProxy) if typed else node.get_proxy(target)


async def call(proxy: Proxy, kind: str) -> Any:
    """Make a call of a kind; gives its result, or the list of its items."""
    if isinstance(proxy, PainterProxy):
        return await _typed(proxy, kind)
    if kind == "unary":
        return await proxy.call("add", a=1, b=2)
    if kind == "server":
        return await drain(proxy.stream("count", start=1, stop=3))
    if kind == "client":
        return await proxy.call("sum", start=0, numbers=iter([1, 2]))
    return await drain(proxy.stream("running_sum", start=0, numbers=iter([1, 2])))


async def _typed(proxy: PainterProxy, kind: str) -> Any:
    if kind == "unary":
        return await proxy.add(1, 2)
    if kind == "server":
        return await drain(proxy.count(start=1, stop=3))
    if kind == "client":
        return await proxy.sum(start=0, numbers=[1, 2])
    return await drain(proxy.running_sum(start=0, numbers=[1, 2]))


def last(came: Any) -> Any:
    """The result of a call, or the last of its items."""
    return came[-1] if hasattr(came, "append") else came

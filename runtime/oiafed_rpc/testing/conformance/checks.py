"""What many tests of the suite ask."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import TypeVar, cast

import pytest

from oiafed_rpc import Code, RpcError

T = TypeVar("T")

DEADLINE = 0.3
"""Seconds that a call may take that is meant to fail by its deadline."""


async def fails(awaitable: Awaitable[object], code: Code, match: str | None = None, within: float = 5.0) -> RpcError:
    """Await what must fail with an error of a code, within some seconds; gives the error."""
    began = time.monotonic()
    with pytest.raises(RpcError, match=match) as failure:
        await awaitable
    assert time.monotonic() - began < within
    assert failure.value.code is code
    return failure.value


async def leave(items: AsyncIterator[object]) -> None:
    """Leave a stream before its end."""
    await cast("AsyncGenerator[object, None]", items).aclose()


async def drain(items: AsyncIterator[T]) -> list[T]:
    """All items of a stream."""
    return [item async for item in items]

"""The fixture that pytest-asyncio runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest_asyncio

if TYPE_CHECKING:
    from oiafed_rpc.testing.federation import Federation
    from oiafed_rpc.transport.base import Transport


@pytest_asyncio.fixture
async def federation(oiafed_transport: Callable[[], Transport]) -> AsyncIterator[Federation]:
    """Nodes that all know each other, stopped at the end of the test."""
    from oiafed_rpc.testing.federation import Federation

    nodes = Federation(oiafed_transport)
    try:
        yield nodes
    finally:
        await nodes.close()

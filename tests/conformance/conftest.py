"""The `federation` fixture for tests that are not part of the suite: nodes on each of the transports in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from oiafed_rpc.testing.conformance import Federation

from tests.conformance.test_transports import TRANSPORTS


@pytest.fixture(params=list(TRANSPORTS))
async def federation(request: pytest.FixtureRequest) -> AsyncIterator[Federation]:
    """The fixture of a conformance suite, on the transport that the parameter names."""
    suite = TRANSPORTS[request.param]()
    async with AsyncExitStack() as stack:
        yield Federation(
            suite.make_transport,
            suite.address,
            stack,
            by_reference=suite.by_reference,
            make_at=suite.make_transport_at,
            connect=suite.connect,
        )

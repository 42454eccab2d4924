"""What the parts of the suite have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import ClassVar

import pytest
import pytest_asyncio

from oiafed_rpc import Node, Transport
from oiafed_rpc.testing.conformance.federation import Federation


@pytest.mark.asyncio
class Part:
    """Tests of one concept, on the transport that `make_transport` makes.

    Attributes:
        by_reference: Whether the transport hands over the very objects, as memory does, and not copies.
    """

    by_reference: ClassVar[bool] = False

    def make_transport(self) -> Transport:
        """A new transport. Those that one test makes must reach each other, and no others."""
        raise NotImplementedError(f"{type(self).__name__} must have a method make_transport(self) -> Transport")

    def make_transport_at(self, address: str) -> Transport:
        """A new transport that listens where a node did, to come back in its place.

        By default one that `make_transport` makes: right where nodes are found by their id alone.
        """
        del address
        return self.make_transport()

    def address(self, node: Node) -> str:
        """Where a started node is reached: by default on this machine, at its transport's `port`, if it has one."""
        return f"{node.node_id}@127.0.0.1:{getattr(node.transport, 'port', 0) or 1}"

    async def connect(self, caller: Node, callee: Node) -> None:
        """Connect a started node to one that it is to call: by default at that node's `address`."""
        await caller.connect(self.address(callee))

    @pytest_asyncio.fixture
    async def federation(self) -> AsyncIterator[Federation]:
        """Nodes over this transport, stopped at the end of the test."""
        async with AsyncExitStack() as stack:
            yield Federation(
                self.make_transport,
                self.address,
                stack,
                by_reference=self.by_reference,
                make_at=self.make_transport_at,
                connect=self.connect,
            )

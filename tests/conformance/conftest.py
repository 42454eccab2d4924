"""The transports that every test of this folder runs on. A new transport adds one line to TRANSPORTS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from oiafed_rpc import AutoTransport, GrpcTransport, MemoryNetwork, MemoryTransport, Node, Transport


class Federation:
    """Nodes that reach each other over one sort of transport."""

    def __init__(
        self, make: Callable[[MemoryNetwork], Transport], stack: AsyncExitStack, *, by_reference: bool
    ) -> None:
        self.by_reference = by_reference
        self._make = make
        self._stack = stack
        self._network = MemoryNetwork()
        self.nodes: dict[str, Node] = {}

    def transport(self) -> Transport:
        return self._make(self._network)

    def node(self, node_id: str, role: str = "learner", **options: Any) -> Node:
        """A node that is not started yet."""
        self.nodes[node_id] = Node(node_id, role, self.transport(), **options)
        return self.nodes[node_id]

    async def start(self, node_id: str, role: str = "learner", **options: Any) -> Node:
        node = self.node(node_id, role, **options)
        return await self._stack.enter_async_context(node)

    def address(self, node: Node) -> str:
        return f"{node.node_id}@127.0.0.1:{getattr(node.transport, 'port', 0) or 1}"

    async def pair(self, **options: Any) -> tuple[Node, Node]:
        """A started learner, and a started trainer that is connected to it."""
        learner = await self.start("learner_0", "learner", **options)
        trainer = await self.start("trainer", "trainer", **options)
        await trainer.connect(self.address(learner))
        return trainer, learner


TRANSPORTS: dict[str, Callable[[MemoryNetwork], Transport]] = {
    "memory": lambda network: MemoryTransport(network),
    "memory-serialized": lambda network: MemoryTransport(network, serialize=True),
    "grpc": lambda _: GrpcTransport("127.0.0.1", 0),
    "auto": lambda network: AutoTransport(GrpcTransport("127.0.0.1", 0), MemoryTransport(network)),
}


BY_REFERENCE = {"memory", "auto"}
"""The transports that hand over the very objects."""


@pytest.fixture(params=list(TRANSPORTS))
async def federation(request: pytest.FixtureRequest) -> AsyncIterator[Federation]:
    async with AsyncExitStack() as stack:
        yield Federation(TRANSPORTS[request.param], stack, by_reference=request.param in BY_REFERENCE)

"""The nodes of one test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from oiafed_rpc import Node, Transport


class Federation:
    """Nodes that reach each other over one sort of transport.

    Args:
        make: Makes the transport of a node.
        address: Where a started node is reached, as `id@host:port`.
        stack: Stops the nodes in the end.
        connect: Connects a started node to one that it is to call; by default at that node's address.
        by_reference: Whether the transport hands over the very objects.
        make_at: Makes a transport that listens where another did; by default as `make` does.

    Attributes:
        by_reference: Whether the transport hands over the very objects.
        nodes: The nodes made so far, by id.
    """

    def __init__(
        self,
        make: Callable[[], Transport],
        address: Callable[[Node], str],
        stack: AsyncExitStack,
        *,
        by_reference: bool,
        make_at: Callable[[str], Transport] | None = None,
        connect: Callable[[Node, Node], Awaitable[object]] | None = None,
    ) -> None:
        self.by_reference = by_reference
        self.nodes: dict[str, Node] = {}
        self.transport = make
        self.address = address
        self._make_at = make_at
        self._connect = connect
        self._stack = stack

    def transport_at(self, address: str) -> Transport:
        """A transport that listens where a node did that has stopped."""
        return self.transport() if self._make_at is None else self._make_at(address)

    def node(self, node_id: str, role: str = "learner", **options: Any) -> Node:
        """A node that is not started yet; `options` as `Node` takes them."""
        transport: Transport | None = options.pop("transport", None)
        self.nodes[node_id] = Node(node_id, role, transport or self.transport(), **options)
        return self.nodes[node_id]

    async def start(self, node_id: str, role: str = "learner", **options: Any) -> Node:
        """A node that runs until the end of the test."""
        return await self._stack.enter_async_context(self.node(node_id, role, **options))

    async def connect(self, caller: Node, callee: Node) -> None:
        """Connect a started node to one that it is to call."""
        if self._connect is None:
            await caller.connect(self.address(callee))
        else:
            await self._connect(caller, callee)

    async def pair(self, **options: Any) -> tuple[Node, Node]:
        """A started trainer, and a started learner, `learner_0`, that it is connected to."""
        learner = await self.start("learner_0", "learner", **options)
        trainer = await self.start("trainer", "trainer", **options)
        await self.connect(trainer, learner)
        return trainer, learner

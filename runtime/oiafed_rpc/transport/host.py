"""What a transport knows of the node above it."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """What a transport asks of the node above it where nodes open streams to be called over."""

    def opened(self, node_id: str, *, again: bool) -> None:
        """Learn that a node can be called, by the transport's own doing.

        Args:
            node_id: The node.
            again: Whether it could before, but not for a while; else it is to be introduced to.
        """
        ...

    async def offer(self, node_id: str) -> None:
        """Open one more stream to a node, to be called over; raises RpcError where that fails."""
        ...

"""What a transport knows of the node above it."""

from __future__ import annotations

from typing import Protocol


class Host(Protocol):
    """What a transport asks of the node above it where nodes open streams to be called over."""

    def opened(self, node_id: str) -> None:
        """Learn that a node has opened a stream to be called over, and had none: it is to be introduced to."""
        ...

    async def offer(self, node_id: str) -> None:
        """Open one more stream to a node, to be called over; raises RpcError where that fails."""
        ...

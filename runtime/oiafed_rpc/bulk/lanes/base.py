"""What a lane is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from oiafed_rpc.bulk.incoming import Incoming
    from oiafed_rpc.bulk.meter import Meter
    from oiafed_rpc.bulk.outgoing import Outgoing


class Lane(ABC):
    """Carries transfers between the node that has opened a connection and the one that it leads to.

    Whoever has opened the connection drives both directions. A cancelled operation ends at once, and leaves no thread
    behind that would touch the memory of the transfer.

    Attributes:
        name: What it is called in logs and in the configuration.
    """

    name: ClassVar[str]

    @abstractmethod
    async def push(self, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
        """Bring a transfer to the other side; returns when that has verified all of it.

        Args:
            outgoing: The transfer.
            meter: Is told of every chunk; its `idle` is how long the link may stand still.
            resume: Whether the other side may have a part of it already: it is asked first, and the meter told.

        Raises:
            ConnectionError, TimeoutError: where the link broke or stood still; another attempt may go on.
            RetriableError: where the other side is not there, or has no room for it; so may another attempt.
            RpcError: where the other side refused.
        """

    @abstractmethod
    async def pull(self, incoming: Incoming, meter: Meter) -> None:
        """Fetch what is missing of a transfer; returns when all of it is here and verified. Errors as for `push`."""

    @abstractmethod
    async def close(self) -> None:
        """Give back what the lane holds; operations under way fail."""

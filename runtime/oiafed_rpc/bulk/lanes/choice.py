"""The lanes of one connection beside the stream: opened when first used, and passed over where they can't be."""

from __future__ import annotations

import time
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from oiafed_rpc.bulk.calls import BulkCalls
from oiafed_rpc.bulk.errors import LaneUnfit
from oiafed_rpc.bulk.lanes.base import Lane
from oiafed_rpc.errors import RetriableError, RpcError
from oiafed_rpc.system import types

_BARRED = 60.0  # seconds in which a lane that could not be opened is not asked for again

Dial = Callable[[], Awaitable[Any]]
"""Opens a connection, of the kind that the lane has; raises LaneUnfit where that can't be had."""


class LaneKind(NamedTuple):
    """A lane that may be opened.

    Attributes:
        name: What it is called in offers.
        make: Makes it.
        connect: Opens a connection to where it is offered; raises OSError where that fails.
    """

    name: str
    make: Callable[[Dial], Lane]
    connect: Callable[[types.Lane], Awaitable[Any]]


class Lanes:
    """The lanes of one connection beside the stream.

    Args:
        kinds: Those that may be opened, the best first.
    """

    def __init__(self, kinds: Sequence[LaneKind]) -> None:
        self._openings = [_Opening(kind) for kind in kinds]

    def usable(self, calls: BulkCalls) -> list[Lane]:
        """The lanes, the best first, but those that could not be opened a moment ago.

        Args:
            calls: What asks for tickets.
        """
        for opening in self._openings:
            opening.calls.add(calls)
        return [opening.lane for opening in self._openings if opening.barred <= time.monotonic()]

    async def close(self) -> None:
        """Close all of them; operations under way fail."""
        for opening in self._openings:
            await opening.lane.close()


class _Opening:
    """Opens the connections of one lane."""

    def __init__(self, kind: LaneKind) -> None:
        self.calls: weakref.WeakSet[BulkCalls] = weakref.WeakSet()  # they have their payload
        self.lane = kind.make(self._dial)
        self.barred = 0.0
        self._kind = kind

    async def _dial(self) -> Any:
        try:
            calls = next(iter(self.calls), None)  # that of the transfer for which this is opened, or of another
            offers = [] if calls is None else await calls.open([self._kind.name])
            if not offers:
                raise LaneUnfit("it is not offered")
            return await self._kind.connect(offers[0])
        except RetriableError as error:  # the node is away: that says nothing of the lane
            raise ConnectionError(error.message) from error
        except (OSError, RpcError, LaneUnfit) as error:
            self.barred = time.monotonic() + _BARRED
            raise LaneUnfit(str(error)) from error

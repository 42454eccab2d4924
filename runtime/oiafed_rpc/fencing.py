"""Which start of each node counts: what a former one still sends is refused."""

from __future__ import annotations

from typing import TypeVar

from oiafed_rpc.errors import Superseded
from oiafed_rpc.log import logger

K = TypeVar("K")
V = TypeVar("V")

_MOST = 65_536  # of either sort; the oldest are forgotten first


class Fence:
    """The incarnations of those that have introduced themselves to a node, or answered its introduction.

    Args:
        node_id: The id of the node.

    Attributes:
        former: Source and incarnation of the starts that others have taken the place of.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._present: dict[str, str] = {}
        self.former: dict[tuple[str, str], bool] = {}  # whether the log has been told

    def admit(self, source: str, incarnation: str) -> None:
        """Have a start of a node take the place of the one before; an empty `incarnation` tells nothing.

        Raises:
            Superseded: where another has taken the place of this one.
        """
        if not incarnation:
            return
        self.check(source, incarnation)
        before = self._present.pop(source, incarnation)
        _put(self._present, source, incarnation)
        if before != incarnation:
            _put(self.former, (source, before), False)

    def check_call(self, source: str, call_id: str) -> None:
        """See whether a call comes from a start that counts; its id begins with the incarnation.

        Raises:
            Superseded: as `admit` does.
        """
        self.check(source, call_id.rpartition("-")[0])

    def check(self, source: str, incarnation: str) -> None:
        """See whether a start counts.

        Raises:
            Superseded: as `admit` does.
        """
        told = self.former.get((source, incarnation))
        if told is None:
            return
        if not told:
            self.former[source, incarnation] = True
            logger.warning("node %r refuses what a former start of node %r still sends", self._node_id, source)
        raise Superseded(
            f"node {self._node_id!r} takes nothing more from this start of node {source!r}: another start of it has "
            "taken its place; end this one, or give it an id of its own",
            {"node": source},
        )


def _put(entries: dict[K, V], key: K, value: V) -> None:
    if len(entries) >= _MOST:
        del entries[next(iter(entries))]
    entries[key] = value

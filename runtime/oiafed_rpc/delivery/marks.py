"""The numbers of calls: which belong to one start of a node, and up to which of them calls may have been forgotten."""

from __future__ import annotations

from typing import NamedTuple

from oiafed_rpc.errors import Code, RpcError

_MOST = 10_000  # starts of nodes
_DIGITS = 18


class Number(NamedTuple):
    """What a call id is made of, `5f3a9c0d1e2b4a68-7`.

    Attributes:
        incarnation: Differs for each start of the calling node.
        value: Rises from call to call.
    """

    incarnation: str
    value: int


def number_of(call_id: str) -> Number:
    """The number of a call.

    Raises:
        RpcError: INVALID_ARGUMENT where its id has none.
    """
    incarnation, _, count = call_id.rpartition("-")
    if not incarnation or not (count.isascii() and count.isdecimal()) or len(count) > _DIGITS:
        told = f"the call id {call_id!r:.80} does not end in - and a number: such a call can't be remembered"
        raise RpcError(Code.INVALID_ARGUMENT, told)
    return Number(incarnation, int(count))


class Marks:
    """For each start of a node the highest number among its calls that were forgotten."""

    def __init__(self) -> None:
        self._highest: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        """How many starts of nodes it has a mark of."""
        return len(self._highest)

    def raise_to(self, source: str, number: Number) -> None:
        """A call was forgotten."""
        key = source, number.incarnation
        former = self._highest.pop(key, -1)
        self._highest[key] = max(former, number.value)
        if len(self._highest) > _MOST:
            del self._highest[next(iter(self._highest))]

    def cover(self, source: str, number: Number) -> bool:
        """Whether a call may be one of those that were forgotten."""
        return number.value <= self._highest.get((source, number.incarnation), -1)

    def drop(self, source: str, incarnation: str) -> None:
        """A start of a node makes no more calls."""
        self._highest.pop((source, incarnation), None)

"""What the nodes that a node calls have told: of their methods, and of their memory of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from oiafed_rpc.delivery.memory import LEDGER
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.schemas.offers import STALE

_MOST_METHODS = 10_000

Admit: TypeAlias = Callable[[Message], Awaitable[Message]]
"""Gives a request as it is to be sent; raises RpcError where it would not be understood."""


class Acquaintance:
    """What one or several nodes have told.

    Args:
        schema: What names the set of methods.
        methods: For the path of each method its fingerprint.

    Attributes:
        schema: As given.
        methods: As given.
        alike: The methods, as this process knows them, whose calls need no look: there they are the same, or as good.
    """

    def __init__(self, schema: str, methods: Mapping[str, int]) -> None:
        self.schema = schema
        self.methods = methods
        self.alike: set[Method[Any]] = set()

    def told(self, schema: str, methods: Mapping[str, int]) -> bool:
        """Whether it is this that a node tells."""
        return self.schema == schema and self.methods == methods


class Acquaintances:
    """The nodes that have told. Those that have not are called all the same.

    Attributes:
        of: For the id of each node what it has told.
        ledgers: For the id of each node that remembers its calls what names its memory.
        admit: Looks at requests that need it; set before the first call.
    """

    def __init__(self) -> None:
        self.of: dict[str, Acquaintance] = {}
        self.ledgers: dict[str, str] = {}
        self.admit: Admit = _as_it_is

    def meet(self, node_id: str, schema: str, methods: Mapping[str, int], ledger: str = "") -> None:
        """Take note of what a node tells; an empty `schema` or `ledger` tells nothing.

        Raises:
            RpcError: RESOURCE_EXHAUSTED for more methods than a node has.
        """
        if len(methods) > _MOST_METHODS:
            told = f"node {node_id!r} tells of {len(methods):,} methods: at most {_MOST_METHODS:,} are taken note of"
            raise RpcError(Code.RESOURCE_EXHAUSTED, told, {"node": node_id})
        self._remembers(node_id, ledger)
        if not schema:
            self.of.pop(node_id, None)
            return
        known = self.of.get(node_id)
        if known is None or not known.told(schema, methods):
            alike = (other for other in self.of.values() if other.told(schema, methods))  # thousands may share one
            self.of[node_id] = next(alike, None) or Acquaintance(schema, methods)

    def _remembers(self, node_id: str, ledger: str) -> None:
        if ledger:
            self.ledgers[node_id] = ledger
        else:
            self.ledgers.pop(node_id, None)

    def heed(self, error: RpcError, node_id: str) -> None:
        """Where a node says that it has something else than it has told: note it, or ask anew before the next call."""
        if LEDGER in error.details:
            self._remembers(node_id, error.details[LEDGER])
        known = self.of.get(node_id)
        if known is not None and error.details.get(STALE) == known.schema:
            self.of[node_id] = Acquaintance(known.schema, {})

    def forget(self, node_id: str) -> None:
        """Know a node no more."""
        self.of.pop(node_id, None)
        self.ledgers.pop(node_id, None)

    def clear(self) -> None:
        """Know nobody any more."""
        self.of.clear()
        self.ledgers.clear()


async def _as_it_is(message: Message) -> Message:
    return message

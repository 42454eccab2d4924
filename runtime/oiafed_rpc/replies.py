"""What nodes answered that were called together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, cast

from oiafed_rpc.errors import RpcError
from oiafed_rpc.method import R


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """What one node answered.

    Attributes:
        node_id: The node.
        error: Why it did not answer; None where it did.
    """

    node_id: str
    _value: R | None = None
    error: RpcError | None = None

    @property
    def ok(self) -> bool:
        """Whether the node answered."""
        return self.error is None

    @property
    def value(self) -> R:
        """The result; raises `error` where there is none."""
        if self.error is not None:
            raise self.error
        return cast("R", self._value)


class Replies(Mapping[str, R]):
    """Node id → result, of the nodes that answered, in the order in which they were called.

    Asking for a node that failed raises its error.

    Attributes:
        errors: Node id → error, of those that did not answer.
    """

    def __init__(self, replies: Mapping[str, R], errors: Mapping[str, RpcError]) -> None:
        self._replies = dict(replies)
        self.errors = dict(errors)

    def __getitem__(self, node_id: str) -> R:
        if node_id in self.errors:
            raise self.errors[node_id]
        return self._replies[node_id]

    def __contains__(self, node_id: object) -> bool:
        return node_id in self._replies

    def __iter__(self) -> Iterator[str]:
        return iter(self._replies)

    def __len__(self) -> int:
        return len(self._replies)

    def __repr__(self) -> str:
        return f"Replies({self._replies!r}, errors={self.errors!r})"

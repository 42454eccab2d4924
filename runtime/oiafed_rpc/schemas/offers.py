"""What a node tells others of its methods, and what they may rely on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from oiafed_rpc.errors import Code, RetriableError
from oiafed_rpc.method import Method
from oiafed_rpc.schemas.shape import fingerprint_of, schema_name

STALE = "stale_schema"
"""The detail of an error that says that a call was made by what the node does not tell any more, or never did."""


class Offer(NamedTuple):
    """A set of methods.

    Attributes:
        schema: What names it.
        methods: For the path of each method its fingerprint.
    """

    schema: str
    methods: dict[str, int]


class Offers:
    """The methods of one node, which may grow while it runs.

    Args:
        node_id: The node.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._told: dict[str, Offer] = {}
        self._last: Offer | None = None

    def grow(self) -> None:
        """There are more methods now."""
        self._last = None

    def tell(self, methods: Iterable[Method[Any]]) -> Offer:
        """The node's methods as others are told of them.

        Args:
            methods: Those that it has now.
        """
        if self._last is None:
            marks = {spec.path: fingerprint_of(spec) for spec in methods}
            self._last = Offer(schema_name(marks), marks)
            self._told[self._last.schema] = self._last
        return self._last

    def check(self, schema: str, path: str) -> None:
        """See whether a caller knows a method as it is.

        Args:
            schema: What the caller has been told, by its name.
            path: The method.

        Raises:
            RetriableError: FAILED_PRECONDITION where that was told by another node, or before the method was there.
        """
        told = self._told.get(schema)
        if told is None or path not in told.methods:
            raise RetriableError(
                f"{path.removeprefix('/')} was not called: node {self._node_id!r} has other methods than its caller "
                "was told, as it has been started anew or has more handlers by now",
                {"node": self._node_id, STALE: schema[:64]},
                code=Code.FAILED_PRECONDITION,
                ran=False,
            )

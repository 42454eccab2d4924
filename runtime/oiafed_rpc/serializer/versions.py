"""Records of another version of the schema, in what a peer has sent.

Between the two ends of a typed call they are no mistake: each has its schema, and reads of the other's what it knows,
as protobuf does. Elsewhere they are one: a field that is not known is most often misspelled.
"""

from __future__ import annotations

from typing import Any

from oiafed_rpc.serializer.base import SerializerError


class OtherVersionError(SerializerError):
    """What was read has records of another version of the schema.

    Attributes:
        value: What was read, without the fields that are not known here, and with zero values for those that did not
            come.
    """

    def __init__(self, problem: str, value: Any) -> None:
        super().__init__(problem)
        self.value = value


class Unread:
    """Stands for a value of a type that is not known here, until it is left out with the field that it is in.

    Args:
        name: The type.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"a {self._name[:60]}, which is not known here"


class Deviations:
    """By what the content of one decode is of another version of the schema."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first = ""

    def note(self, problem: str) -> None:
        """Say what would be a mistake between nodes of one schema."""
        self._first = self._first or problem

    def check(self, value: Any) -> None:
        """See whether there were any.

        Raises:
            OtherVersionError: where there were; it has the value.
        """
        if self._first:
            raise OtherVersionError(self._first, value)

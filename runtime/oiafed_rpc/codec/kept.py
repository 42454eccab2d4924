"""Serializers for messages that stay in this process: arrays and objects lie beside the message as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oiafed_rpc.serializer import Packed, Serializers
from oiafed_rpc.serializer.base import Buffer

_SIZE = 8


class Kept(Serializers):
    """Checks a value by its message, without a copy of its arrays and objects: the message holds their places only."""

    def __init__(self) -> None:
        super().__init__()
        self._values: list[Any] = []

    def keep(self, value: Any) -> bytes:
        """Keep a value; gives what the message holds instead of it."""
        self._values.append(value)
        return (len(self._values) - 1).to_bytes(_SIZE)

    def kept(self, place: bytes) -> Any:
        """The value that `keep` gave a place."""
        return self._values[int.from_bytes(place)]

    def dump(self, obj: Any) -> Packed:
        """Keep an object."""
        return Packed("kept", self.keep(obj))

    def load(self, name: str, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """The object that was kept."""
        return self.kept(data)

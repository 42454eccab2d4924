"""What one decode may cost: a multiple of what was received, and no more."""

from __future__ import annotations

from oiafed_rpc.serializer.base import SerializerError
from oiafed_rpc.serializer.versions import Deviations

FACTOR = 64
SLACK = 1 << 20


class Budget:
    """Room for small objects, and room for the memory of arrays.

    Args:
        data: How many bytes of data were received. Small objects may take 64 times as much and 1 MiB beside.
        beside: How many bytes of buffers were received. Arrays take no more than data and buffers together.

    Attributes:
        deviations: By what the content is of another version of the schema.
    """

    __slots__ = ("_arrays", "_received", "_small", "deviations")

    def __init__(self, data: int, beside: int) -> None:
        self._received = data
        self._small = FACTOR * data + SLACK
        self._arrays = data + beside
        self.deviations = Deviations()

    def small(self, size: int) -> None:
        """Take the rough size of small objects, in bytes; also taken for work that a few bytes can ask for."""
        self._small -= size
        if self._small < 0:
            raise SerializerError(f"{self._received} bytes from a peer make more than {FACTOR} times as much: refused")

    def array(self, size: int) -> None:
        """Take the bytes of an array."""
        self._arrays -= size
        if self._arrays < 0:
            raise SerializerError("the arrays from a peer are larger than what was received: refused")

"""What a payload is once it is to travel, and what makes it smaller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from oiafed_rpc.bulk.runs import Run
from oiafed_rpc.serializer.base import Buffer


class Body(NamedTuple):
    """The bytes of a payload: a message, and the buffers that it has left out.

    A message that is large itself is left out too: then `data` is empty, and the first of the buffers has it.

    Attributes:
        data: The message.
        runs: The memory of the buffers, on the side that sends.
        buffers: The buffers, on the side that has received them; each is then its value's own memory.
    """

    data: bytes
    runs: Sequence[Run] = ()
    buffers: Sequence[Buffer] = ()

    @property
    def message(self) -> Buffer:
        """The message, on the side that has received it."""
        return self.buffers[0] if self.buffers and not self.data else self.data

    @property
    def beside(self) -> Sequence[Buffer]:
        """The buffers beside the message, on the side that has received them."""
        return self.buffers if self.data else self.buffers[1:]

    @property
    def size(self) -> int:
        """The bytes of all of it."""
        if not self.runs and not self.buffers:  # as with most calls
            return len(self.data)
        return len(self.data) + sum(run.nbytes for run in self.runs) + sum(map(len, self.buffers))


class Compressor(Protocol):
    """Makes the bytes of a payload smaller."""

    @property
    def name(self) -> str:
        """What the receiver knows it by."""
        ...

    def compress(self, data: bytes) -> bytes:
        """The same bytes, smaller."""
        ...

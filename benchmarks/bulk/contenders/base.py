"""What every contender does: one process serves, another connects to it and sends it arrays."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Account(NamedTuple):
    """How a payload travels.

    Attributes:
        lane: The lane that carries it.
        gain: How many times smaller it is made.
    """

    lane: str
    gain: float


class Contender(ABC):
    """One way of moving arrays between processes. `serve` is for the one side, all the rest for the other.

    What a call gives back says that the receiver has all of the array in memory that it can use as an array.
    """

    @abstractmethod
    async def serve(self, index: int) -> str:
        """Serve as the receiver of that number until the process ends; returns its address."""

    @abstractmethod
    async def connect(self, addresses: Sequence[str]) -> None:
        """Connect to receivers, whose numbers are their places in the sequence."""

    def payload(self, array: Array) -> Any:
        """What `send` and the others take for an array: made before the time is taken."""
        return array

    @abstractmethod
    async def small(self) -> None:
        """The smallest call."""

    @abstractmethod
    async def send(self, payload: Any, to: int = 0) -> None:
        """Send an array to one receiver."""

    @abstractmethod
    async def echo(self, payload: Any) -> None:
        """Send an array to the first receiver, which sends it back once it has all of it."""

    async def broadcast(self, payload: Any, count: int) -> None:
        """Send an array to all receivers at once."""
        await asyncio.gather(*(self.send(payload, to) for to in range(count)))

    async def account(self, payload: Any) -> Account | None:
        """How a payload travels; None where there is no telling."""
        return None

    async def fold(self, payload: Any, piece: int) -> list[float]:
        """Have an array folded that the receiver need not have room for: the first number of each piece, added up.

        Args:
            payload: The array.
            piece: How many numbers travel at a time.

        Returns:
            The sum of the first numbers, and how many numbers there were.

        Raises:
            NotImplementedError: where there is no such way.
        """
        raise NotImplementedError(f"{type(self).__name__} has no way to do it")

    @abstractmethod
    async def close(self) -> None:
        """Hang up."""

"""Who attends a node, and whether it still answers where another node wants its id."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator

from oiafed_rpc.errors import Superseded

PATIENCE = 1.0
"""Seconds in which a node that is asked for a sign of life gives one: one that was killed is noticed to be gone."""


class Guest:
    """One attendance of a node.

    Args:
        node_id: The id of the node.
        incarnation: Which start of it.
    """

    __slots__ = ("_called", "_dismissed", "_settled", "_superseded", "answered", "incarnation", "node_id")

    def __init__(self, node_id: str, incarnation: str) -> None:
        self.node_id = node_id
        self.incarnation = incarnation
        self.answered = False
        self._dismissed = self._superseded = False
        self._called = asyncio.Event()
        self._settled = asyncio.Event()

    async def asked(self) -> bool:
        """Wait until it is asked for a sign of life; False where it may go.

        Raises:
            Superseded: where another start of its node has taken its place.
        """
        await self._called.wait()
        self._called.clear()
        if self._superseded:
            told = f"another start of node {self.node_id!r} has taken the place of this one, which did not answer"
            raise Superseded(told, {"node": self.node_id})
        return not self._dismissed

    def dismiss(self) -> None:
        """Let it go."""
        self._dismissed = True
        self._called.set()

    def answer(self) -> None:
        """It gives a sign of life."""
        self.answered = True
        self._settled.set()

    def leave(self) -> None:
        """It is gone."""
        self._settled.set()

    async def gives_way(self) -> bool:
        """Ask it for a sign of life: one that gives none, or is gone, gives way to another start of its node."""
        self.answered = False
        self._settled.clear()
        self._called.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._settled.wait()
        if not self.answered:
            self._superseded = True
            self._called.set()
        return not self.answered


class Guests:
    """The attendances at one node, by the id of who attends: one start of a node may have two."""

    def __init__(self) -> None:
        self._of: dict[str, list[Guest]] = {}

    @contextlib.contextmanager
    def attending(self, node_id: str, incarnation: str) -> Generator[Guest, None, None]:
        """Count a node as there."""
        guest = Guest(node_id, incarnation)
        self._of.setdefault(node_id, []).append(guest)
        try:
            yield guest
        finally:
            self._remove(guest)

    def _remove(self, guest: Guest) -> None:
        guest.leave()
        guests = self._of.get(guest.node_id, [])
        if guest in guests:
            guests.remove(guest)
        if not guests:
            self._of.pop(guest.node_id, None)

    def answer(self, node_id: str, incarnation: str) -> None:
        """A node has given a sign of life."""
        for guest in self._of.get(node_id, ()):
            if guest.incarnation == incarnation:
                guest.answer()

    async def make_room(self, node_id: str, incarnation: str) -> bool:
        """Whether no other start of a node is there, or none that answers: that one gives way."""
        while (other := self._other(node_id, incarnation)) is not None:
            if not await other.gives_way():
                return False
            self._remove(other)
        return True

    def _other(self, node_id: str, incarnation: str) -> Guest | None:
        return next((each for each in self._of.get(node_id, ()) if each.incarnation != incarnation), None)

    def dismiss(self) -> None:
        """Let all go."""
        for guests in self._of.values():
            for guest in guests:
                guest.dismiss()

"""Telling a child of this process: it has the objects of its parent, but neither its threads nor its tasks."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """What is told."""

    def forked(self) -> None:
        """Called in the child."""
        ...


_told: weakref.WeakSet[Forkable] = weakref.WeakSet()


def on_fork(owner: Forkable) -> None:
    """Have an object told in each child of this process, as long as it lives."""
    _told.add(owner)


def _in_child() -> None:
    for owner in list(_told):
        owner.forked()


os.register_at_fork(after_in_child=_in_child)

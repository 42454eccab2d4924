"""Telling a child of this process: it has the objects of its parent, but neither its threads nor its tasks."""

from __future__ import annotations

import os
import signal
import threading
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


_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_masks = threading.local()


def _before() -> None:
    """Hold signals back: one that a child is sent at once must find its handlers, not those of its parent."""
    _masks.former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _in_parent() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.former)


def _in_child() -> None:
    for owner in list(_told):
        owner.forked()
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.former)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)

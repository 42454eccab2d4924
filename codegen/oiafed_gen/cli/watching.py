"""Waiting for changes below folders, by looking at them again and again.

Looking costs next to nothing for as many files as a schema has, works on every file system, network ones and those of
containers among them, and needs nothing installed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

Seen: TypeAlias = dict[Path, tuple[int, int, int]]
"""When each file was last modified, how long it is, and which file it is: editors save by putting a new one there."""


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """The files that count.

    Attributes:
        roots: The folders that they are below; one that is not there has no files.
        endings: How their names end.
        ignored: A folder below those whose files do not count.
    """

    roots: tuple[Path, ...]
    endings: tuple[str, ...]
    ignored: Path

    def look(self) -> Seen:
        """Return what is there now; hidden files and folders do not count."""
        seen: Seen = {}
        ignored = self.ignored.resolve()
        for root in self.roots:
            for folder, below, names in os.walk(root):
                below[:] = [n for n in below if not n.startswith(".") and Path(folder, n).resolve() != ignored]
                for name in names:
                    if name.endswith(self.endings) and not name.startswith("."):
                        _add(seen, Path(folder, name))
        return seen


def changes(watched: Watched, pause: Callable[[], object]) -> Iterator[tuple[str, ...]]:
    """Yield what has changed since this call each time that something has: `changed a.yaml`, `removed b.yaml`.

    Changes that follow each other closely, such as those of an editor or of git, come as one.

    Args:
        watched: The files.
        pause: Waits for a moment; called between any two looks.
    """
    return _changes(watched, pause, watched.look())


def _changes(watched: Watched, pause: Callable[[], object], known: Seen) -> Iterator[tuple[str, ...]]:
    while True:
        pause()
        now = watched.look()
        if now == known:
            continue
        now = _settled(watched, now, pause)
        told = tuple(_told(known, now))
        known = now
        if told:  # what was changed may have been changed back
            yield told


def _settled(watched: Watched, seen: Seen, pause: Callable[[], object]) -> Seen:
    """Return what is there once two looks in a row see the same."""
    while True:
        pause()
        now = watched.look()
        if now == seen:
            return now
        seen = now


def _add(seen: Seen, path: Path) -> None:
    try:
        found = path.stat()
    except OSError:  # it has gone in this moment, or is a link to nowhere
        return
    seen[path] = (found.st_mtime_ns, found.st_size, found.st_ino)


def _told(before: Seen, now: Seen) -> Iterator[str]:
    for path in sorted({*before, *now}):
        if path not in before:
            yield f"new {path}"
        elif path not in now:
            yield f"removed {path}"
        elif before[path] != now[path]:
            yield f"changed {path}"

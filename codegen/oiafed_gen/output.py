"""The output folder: comparing it with what should be there, and bringing it up to date."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from oiafed_gen.header import is_generated


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A file that is not as it should be; None stands for a file that is not there."""

    path: str
    old: str | None
    new: str | None

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff from what is there to what should be."""
        old = [] if self.old is None else self.old.splitlines(keepends=True)
        new = [] if self.new is None else self.new.splitlines(keepends=True)
        before = "/dev/null" if self.old is None else f"a/{self.path}"
        after = "/dev/null" if self.new is None else f"b/{self.path}"
        for line in difflib.unified_diff(old, new, before, after):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


class OutputError(Exception):
    """The output folder cannot be read or brought up to date."""


class ForeignFileError(OutputError):
    """A file that oiafed-gen did not write stands where it would write one."""


def compare(root: Path, texts: Mapping[str, str], within: str = "") -> tuple[Change, ...]:
    """Return what has to change below `root`, sorted by path.

    Only files that oiafed-gen wrote count as too many.

    Args:
        root: The output folder.
        texts: What should be there.
        within: The folder below `root` that alone is searched for files that are too many.

    Raises:
        OutputError: A file cannot be read.
    """
    changes = [Change(path, _read(root / path), new) for path, new in texts.items()]
    stale = [Change(path, old, None) for path, old in _generated(root, within) if path not in texts]
    return tuple(sorted((c for c in (*changes, *stale) if c.old != c.new), key=lambda change: change.path))


def apply(root: Path, changes: tuple[Change, ...]) -> None:
    """Write and remove files.

    Raises:
        ForeignFileError: A file to be overwritten was not written by oiafed-gen; nothing has been changed.
        OutputError: A file cannot be written or removed.
    """
    for change in changes:
        if change.old and not is_generated(change.old):
            raise ForeignFileError(f"{root / change.path} was not written by oiafed-gen; it will not be overwritten")
    for change in changes:
        path = root / change.path
        try:
            if change.new is None:
                _remove(root, path)
            else:
                _write(path, change.new)
        except OSError as error:
            verb = "removed" if change.new is None else "written"
            raise OutputError(f"{path} cannot be {verb}: {error.strerror}") from error


def _generated(root: Path, within: str) -> Iterator[tuple[str, str]]:
    """Yield the files below `root` that a former run wrote."""
    for folder, folders, names in os.walk(root / within):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        for name in names:
            path = Path(folder, name)
            text = _read(path) if name.endswith((".py", ".pyi", ".proto", "py.typed")) else None
            if text is not None and is_generated(text):
                yield path.relative_to(root).as_posix(), text


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old text or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(text.encode())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove(root: Path, path: Path) -> None:
    """Remove a file, and the folders that are empty without it."""
    path.unlink()
    for folder in path.parents:
        if folder == root or any(entry.name != "__pycache__" for entry in folder.iterdir()):
            return
        cache = folder / "__pycache__"
        if cache.is_dir():
            for compiled in cache.iterdir():
                compiled.unlink()
            cache.rmdir()
        folder.rmdir()

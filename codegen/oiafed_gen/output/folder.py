"""The output folder: comparing it with what should be there, and bringing it up to date."""

from __future__ import annotations

import dataclasses
import difflib
import os
import posixpath
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from oiafed_gen.header import is_generated, says_source
from oiafed_gen.output.transaction import alone, replace_files

CODE = (".py", ".pyi", ".proto", "py.typed")
PAGES = (".html", ".css", ".js")
"""How the names of files end that are written together; what a run no longer writes is looked for among those alone."""


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


def generated(root: Path, within: str = "", endings: tuple[str, ...] = CODE) -> dict[str, str]:
    """Return the texts of the files below `root`, in the folder `within`, that a former run wrote.

    Other outputs further down, such as that of an example or of a package in a virtual environment, are not among them.
    """
    texts: dict[str, str] = {}
    for folder, folders, names in os.walk(root / within):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        for name in names:
            path = Path(folder, name)
            ours = name.endswith(endings) and path.is_file() and not path.is_symlink()
            text = _read(path) if ours else None
            if text is not None and is_generated(text):
                texts[path.relative_to(root).as_posix()] = text
    holding = {posixpath.dirname(path) for path in texts}
    return {path: text for path, text in texts.items() if says_source(text, path) or _reached(path, within, holding)}


def _reached(path: str, within: str, holding: Collection[str]) -> bool:
    """Whether every folder down to a file holds such files too: so it is with Python packages, and with pages."""
    folder = posixpath.dirname(path)
    while folder != within and folder:
        if folder not in holding:
            return False
        folder = posixpath.dirname(folder)
    return True


def compare(
    root: Path, texts: Mapping[str, str], within: str = "", endings: tuple[str, ...] = CODE
) -> tuple[Change, ...]:
    """Return what has to change below `root`, sorted by path.

    Only files that oiafed-gen wrote count as too many.

    Args:
        root: The output folder.
        texts: What should be there.
        within: The folder below `root` that alone is searched for files that are too many.
        endings: How the names of such files end.

    Raises:
        OutputError: A file cannot be read.
    """
    changes = [Change(path, _read(root / path), new) for path, new in texts.items()]
    stale = [Change(path, old, None) for path, old in generated(root, within, endings).items() if path not in texts]
    return tuple(sorted((c for c in (*changes, *stale) if c.old != c.new), key=lambda change: change.path))


def update(
    root: Path, texts: Mapping[str, str], within: str = "", endings: tuple[str, ...] = CODE
) -> tuple[Change, ...]:
    """Bring the output folder up to date, and return what has been changed: all that `compare` finds, or nothing.

    Raises:
        ForeignFileError: Something that oiafed-gen did not write is in the way.
        OutputError: A file cannot be read, written or removed.
    """
    try:
        with alone(root):
            changes = compare(root, texts, within, endings)
            _refuse_foreign(root, changes)
            replace_files(root, {change.path: change.new for change in sorted(changes, key=_turn)})
            return changes
    except OSError as error:
        place = error.filename2 or error.filename or root
        raise OutputError(f"{place} cannot be written: {error.strerror or error}; {root} is left as it was") from error


def _turn(change: Change) -> tuple[bool, int]:
    """Return when a change has its turn: what is removed comes last, and the deepest first.

    Should the process be killed, the next run still finds the rest.
    """
    return change.new is None, -change.path.count("/") if change.new is None else 0


def _refuse_foreign(root: Path, changes: Iterable[Change]) -> None:
    for change in changes:
        if change.old is not None and not is_generated(change.old):
            reason = "was not written by oiafed-gen; it will not be overwritten"
            raise ForeignFileError(f"{root / change.path} {reason}")
        for part in (Path(change.path), *Path(change.path).parents):
            if part.name and (root / part).is_symlink():
                raise ForeignFileError(f"{root / part} is a symbolic link; oiafed-gen writes nothing through it")


def _read(path: Path) -> str | None:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a pipe would be waited for
            raise OutputError(f"{path} is not an ordinary file")
        return path.read_bytes().decode("utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror}") from error

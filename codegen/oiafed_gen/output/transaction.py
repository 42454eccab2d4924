"""Replacing many files as one: all of them, or none.

The new files are written in full beside the output, in a folder of their own below its root, and only then renamed to
their places. What they replace is kept until the last one is in place, so that a failure can be undone. Should the
process be killed among the renames, each file is still the old one or the new one, and the next run mends the rest.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_STAGING = ".oiafed-gen"


@contextmanager
def alone(root: Path) -> Generator[None]:
    """Keep other runs away from the folder `root`, which is made if need be; wait for one that is there already.

    Nothing is left behind: the lock is on the folder itself, and ends with its process. A folder that was made for
    this and is empty in the end is removed again.

    Raises:
        OSError: The folder cannot be made or opened.
    """
    made = _make_folder(root)
    try:
        with _locked(root):
            shutil.rmtree(root / _STAGING, ignore_errors=True)  # of a run that was killed
            yield
    finally:
        _remove_empty(made)


def replace_files(root: Path, texts: Mapping[str, str | None]) -> None:
    """Write the files in `texts`, by path below `root`, and remove those whose text is None.

    A reader finds each file's old text or the new, never a part. The caller is `alone` there.

    Raises:
        OSError: It failed; everything is as it was.
    """
    if not texts:
        return
    staging = root / _STAGING
    undo: list[Callable[[], object]] = [lambda: shutil.rmtree(staging, ignore_errors=True)]
    try:
        _stage(staging, root, texts)
        for number, (path, text) in enumerate(texts.items()):
            _put(staging, number, root / path, text, undo)
    except BaseException:
        for step in reversed(undo):
            with contextlib.suppress(OSError):  # what cannot be undone must not keep the rest from it
                step()
        raise
    shutil.rmtree(staging, ignore_errors=True)
    _prune(root, (root / path for path, text in texts.items() if text is None))


def _stage(staging: Path, root: Path, texts: Mapping[str, str | None]) -> None:
    """Write the new files, and keep the old ones, all by number: no name is too long or taken."""
    staging.mkdir()
    for number, (path, text) in enumerate(texts.items()):
        if text is not None:
            (staging / f"{number}.new").write_bytes(text.encode())
        if text is not None and (root / path).exists():
            _keep(root / path, staging / f"{number}.old")


def _keep(path: Path, copy: Path) -> None:
    try:
        copy.hardlink_to(path)
    except OSError:  # not every file system has links
        shutil.copy2(path, copy)


def _put(staging: Path, number: int, path: Path, text: str | None, undo: list[Callable[[], object]]) -> None:
    """Bring one file to its place, or remove it, and say how that is undone."""
    old = staging / f"{number}.old"
    if text is None:
        path.replace(old)
        undo.append(lambda: old.replace(path))
        return
    made = _make_folder(path.parent)
    undo.append(lambda: _remove_empty(made))
    (staging / f"{number}.new").replace(path)
    undo.append(lambda: old.replace(path) if old.exists() else path.unlink())


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the ones that were not there, the innermost first."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return made


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:  # something is in it
            return


def _prune(root: Path, removed: Iterable[Path]) -> None:
    """Remove the folders that are empty, or hold nothing but compiled modules, without the files removed."""
    for path in removed:
        for folder in path.parents:
            if folder == root or not _cleared(folder):
                break


def _cleared(folder: Path) -> bool:
    """Remove a folder in which there is nothing of anyone's; False where it stays."""
    try:
        if any(entry.name != "__pycache__" for entry in folder.iterdir()):
            return False
        shutil.rmtree(folder)
    except OSError:  # an empty folder hurts nobody
        return False
    return True


@contextmanager
def _locked(root: Path) -> Generator[None]:
    if sys.platform == "win32":  # folders cannot be locked there; each rename is atomic all the same
        yield
        return
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # nor on every network's file system
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)

"""The schema folder: finding and reading its files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems, suggestion
from oiafed_gen.header import is_generated

ENDINGS = (".yaml", ".yml", ".proto")
_PROVIDED_FOLDERS = ("oiafed/v1/", "google/protobuf/")


@dataclasses.dataclass(frozen=True, slots=True)
class SchemaFile:
    """A schema file's path relative to the schema root, with `/`, and its text."""

    path: str
    text: str

    @property
    def is_yaml(self) -> bool:
        """Whether it is written in YAML rather than proto."""
        return not self.path.endswith(".proto")


def read_schema(root: Path, problems: Problems) -> tuple[SchemaFile, ...]:
    """Return the schema files below the folder `root`, sorted by path.

    What oiafed-gen wrote itself, what it provides and hidden files are no schemas.
    """
    if not root.is_dir():
        what = "this is a file; give the folder that holds the schema" if root.exists() else _missing(root)
        problems.add(Location(""), Code.NO_SCHEMA, what)
        return ()
    names = sorted(name for name in _walk(root) if is_schema(name))
    read = (_read(root, name, problems) for name in names)
    files = tuple(file for file in read if file is not None and not is_generated(file.text))
    if not files and not problems:
        problems.add(Location(""), Code.NO_SCHEMA, "there are no schema files (.yaml, .yml or .proto) in this folder")
    return files


def lines_of(files: Iterable[SchemaFile]) -> dict[str, list[str]]:
    """Return the lines of files by path, as reports quote them."""
    return {file.path: file.text.split("\n") for file in files}


def _missing(root: Path) -> str:
    """Say that a folder is not there, and which one beside it may be meant."""
    try:
        beside = [path.name for path in root.parent.iterdir() if path.is_dir()]
    except OSError:
        beside = []
    return f"there is no such folder{suggestion(root.name, beside)}"


def is_schema(name: str) -> bool:
    """Whether a file is part of the schema, by its path in the schema folder."""
    hidden = any(part.startswith(".") for part in name.split("/"))
    return name.lower().endswith(ENDINGS) and not hidden and not name.startswith(_PROVIDED_FOLDERS)


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            yield Path(folder, name).relative_to(root).as_posix()


def _read(root: Path, name: str, problems: Problems) -> SchemaFile | None:
    """Return a file, or report why it is none."""
    path, wrong = root / name, _wrong_name(name)
    if wrong:
        problems.add(Location(name), Code.FILE_NAME, wrong)
        return None
    if path.exists() and not path.is_file():
        problems.add(Location(name), Code.UNREADABLE_FILE, "this is not an ordinary file")
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.add(Location(name), Code.UNREADABLE_FILE, f"cannot be read: {error.strerror}")
        return None
    try:
        return SchemaFile(name, content.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        problems.add(Location(name, line, column), Code.UNREADABLE_FILE, "the file is not UTF-8 text")
        return None


def _wrong_name(name: str) -> str:
    """Return what is wrong with the name of a schema file; generated files mention it in a comment."""
    if not name.isprintable():
        return "the file's name, or its folder's, has characters that cannot be printed; rename it"
    return "" if name.endswith(ENDINGS) else "the file's name must end in lower case: .yaml, .yml or .proto"

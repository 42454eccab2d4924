"""The schema as it was: in another folder, or in a commit."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from oiafed_gen.diagnostics import Problems
from oiafed_gen.sources import SchemaFile, is_schema, read_schema
from oiafed_gen.tools import ToolError, complaint

_PREFIX = "git:"
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


def read_former(place: str, schema: Path, problems: Problems) -> tuple[SchemaFile, ...]:
    """Return the files of the schema as it was.

    Args:
        place: A folder, or `git:` and a revision, at which the folder `schema` is read.
        schema: The schema as it is.
        problems: Takes what is wrong with the files.

    Raises:
        ToolError: There is no git, the folder is in no repository, or it was not there at that revision; or a revision
            is given without `git:`.
    """
    if not place.startswith(_PREFIX):
        if not Path(place).exists() and _is_revision(place, schema):
            raise ToolError(f"--against {place}: there is no such folder; the revision is {_PREFIX}{place}")
        return read_schema(Path(place), problems)
    revision = place.removeprefix(_PREFIX)
    with tempfile.TemporaryDirectory(prefix="oiafed-gen-") as folder:
        for name, content in _committed(schema, revision):
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return read_schema(Path(folder), problems)


def _committed(schema: Path, revision: str) -> Iterator[tuple[str, bytes]]:
    """Yield the schema files that a folder had at a revision, by their paths in the folder."""
    if not schema.is_dir():
        raise ToolError(f"--against {_PREFIX}{revision} needs a folder, which {schema} is not")
    found = _git(schema, ["rev-parse", "--show-prefix"])
    if found.returncode:
        raise ToolError(f"--against {_PREFIX}{revision}: {schema} is in no git repository ({complaint(found)})")
    inside = os.fsdecode(found.stdout).rstrip("\n")
    commit = _git(schema, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"])
    if commit.returncode or not revision:
        raise ToolError(
            f"--against {_PREFIX}{revision}: the repository of {schema} has no revision '{revision}'; "
            "in a shallow clone, fetch it first"
        )
    folder = f"{commit.stdout.decode().strip()}:{inside}"
    listed = _git(schema, ["ls-tree", "-r", "-z", "--full-tree", "--name-only", folder.rstrip("/")])
    if listed.returncode:
        raise ToolError(f"--against {_PREFIX}{revision}: {schema} was not there at that revision")
    names = [name for name in os.fsdecode(listed.stdout).split("\0") if is_schema(name) and "\n" not in name]
    yield from zip(names, _contents(schema, [folder + name for name in names]), strict=True)


def _is_revision(name: str, schema: Path) -> bool:
    """Whether the repository of a folder has a revision of this name; not where there is no git."""
    try:
        found = _git(schema, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"])
    except (ToolError, OSError):
        return False
    return found.returncode == 0


def _contents(schema: Path, objects: Sequence[str]) -> Iterator[bytes]:
    """Yield the contents of files, named as git names them; of a link to a file that is committed too, that file's."""
    run = _git(schema, ["cat-file", "--batch", "--follow-symlinks"], "".join(f"{name}\n" for name in objects))
    if run.returncode:
        raise ToolError(f"git cat-file failed: {complaint(run)}")
    rest = run.stdout
    for _ in objects:
        head, _, rest = rest.partition(b"\n")
        if head.endswith(b" missing"):  # of a submodule with a name like that of a file
            yield b""
            continue
        kind, size = head.split(b" ")[-2:]
        yield rest[: int(size)] if kind == b"blob" else b""
        rest = rest[int(size) + 1 :]


def _git(folder: Path, arguments: Sequence[str], data: str = "") -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, also where a hook has told it to look elsewhere."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    try:
        return subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            input=os.fsencode(data),
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise ToolError("--against git:... needs git, which is not installed") from None

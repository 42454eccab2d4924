"""The files that a configuration names."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.problems import InvalidError
from oiafed_rpc.config.rule import shown, single, text

_FOLDER: ContextVar[Path | None] = ContextVar("oiafed_rpc_config_folder", default=None)


@contextmanager
def relative_to(folder: Path | None) -> Generator[None]:
    """Read relative paths from a folder on, instead of the working directory."""
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


@single({"type": "string", "minLength": 1})
def readable_file(value: object) -> str:
    """The path of a file that this process can read; it becomes absolute."""
    written = text(str(value) if isinstance(value, Path) else value)
    path = Path(_FOLDER.get() or "", written).absolute()
    told = shown(value) if isinstance(value, Filled) else str(path)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its other end
            raise InvalidError(f"{told} is no ordinary file")
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        raise InvalidError(f"there is no file {told}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidError(f"the file {told} cannot be read: {reason}") from None
    return str(path)


@single({"type": "string", "minLength": 1})
def file_to_write(value: object) -> str:
    """The path of a file of this node's own, in a folder that there is; it becomes absolute."""
    written = text(str(value) if isinstance(value, Path) else value)
    path = Path(_FOLDER.get() or "", written).absolute()
    if not path.parent.is_dir() or path.is_dir():
        told = shown(value) if isinstance(value, Filled) else str(path)
        raise InvalidError(f"{told} is no file in a folder that there is")
    return str(path)

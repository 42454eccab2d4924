"""Remembering what came of a schema, so that it need not be generated again to see that nothing has changed.

What is generated follows from the schema, from the generator's own files and from the versions of the programs that it
runs, and from nothing else. A digest of all of these is kept with a digest of what came of them, in the user's cache
folder. No text is ever taken from there: the output is read, and only if its own digest is the one that was kept is it
up to date. Whatever else is found there, or not, the schema is generated as ever.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import oiafed_gen
from oiafed_gen.provided import Provided
from oiafed_gen.sources import SchemaFile

_VARIABLE = "OIAFED_GEN_CACHE"
_PROGRAMS = ("grpcio-tools", "jinja2", "mypy-protobuf", "protobuf", "pyyaml", "ruff")
_MOST = 200  # digests that are kept
_DIGEST = re.compile("[0-9a-f]{64}")


class Cache:
    """What came of one schema.

    Args:
        schema: Its files.
        provided: What it can import.
        folder: Where digests are kept; None for nowhere.
    """

    def __init__(self, schema: Sequence[SchemaFile], provided: Provided, folder: Path | None) -> None:
        self._path: Path | None = None
        if folder is not None:
            with suppress(importlib.metadata.PackageNotFoundError):  # of an unknown version nothing can be known
                self._path = folder / _digest(_everything(schema, provided))

    def knows(self, texts: Mapping[str, str]) -> bool:
        """Whether these texts, by path, are what came of the schema."""
        kept = b""
        with suppress(OSError):
            kept = self._path.read_bytes() if self._path else b""
        return kept == digest_of(texts).encode()

    def keep(self, texts: Mapping[str, str]) -> None:
        """Remember what came of the schema; where nothing can be written, do nothing."""
        if self._path is None:
            return
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(digest_of(texts))
            partial.replace(self._path)
            _forget(self._path.parent)


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """Return the folder that digests are kept in: `$OIAFED_GEN_CACHE`, or one in the user's cache; None for nowhere."""
    if _VARIABLE in environment:
        return Path(environment[_VARIABLE]) if environment[_VARIABLE] else None
    caches = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA")
    with suppress(RuntimeError):  # a user without a home
        return Path(caches or Path("~/.cache").expanduser()) / "oiafed-gen"
    return None


def digest_of(texts: Mapping[str, str]) -> str:
    """Return a digest of texts by path."""
    return _digest(part for path in sorted(texts) for part in (path, texts[path]))


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(data) + data)  # no two lists of parts look alike
    return digest.hexdigest()


def _everything(schema: Sequence[SchemaFile], provided: Provided) -> Iterator[str]:
    """Yield all that what is generated follows from."""
    yield sys.version
    for name in _PROGRAMS:
        yield importlib.metadata.version(name)
    here = Path(*oiafed_gen.__path__)
    own = sorted(path for ending in ("py", "j2") for path in here.rglob(f"*.{ending}"))
    for path in own:
        yield from (path.relative_to(here).as_posix(), path.read_text(encoding="utf-8"))
    for name, text in sorted(provided.texts.items()):
        yield from (name, text)
    yield "schema"
    for file in schema:
        yield from (file.path, file.text)


def _forget(folder: Path) -> None:
    """Remove the oldest digests where there are too many; whatever else is in the folder is not ours."""
    digests = (path for path in folder.iterdir() if _DIGEST.fullmatch(path.name))
    found = sorted(digests, key=lambda path: path.stat().st_mtime_ns)
    for path in found[:-_MOST]:
        path.unlink()

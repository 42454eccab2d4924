"""The HTML reference of one golden schema: `reference/pages/`. What is the same for every schema is left out."""

from __future__ import annotations

import shutil
from pathlib import Path

from oiafed_gen.diagnostics import Problems
from oiafed_gen.generate import resolve
from oiafed_gen.provided import provided_files
from oiafed_gen.reference.site import reference
from oiafed_gen.sources import read_schema

CASE = Path(__file__).parent / "reference"
_SHARED = ("reference.css", "reference.js")


def make(schema: Path) -> dict[str, str]:
    """Return all files of the reference of a schema without mistakes."""
    problems = Problems()
    resolved = resolve(read_schema(schema, problems), provided_files(), problems)
    return reference(resolved.table, resolved.modules)


def own_pages() -> dict[str, str]:
    """Return the files that are made for the golden schema alone."""
    return {path: text for path, text in make(CASE / "schema").items() if path not in _SHARED}


def rewrite() -> None:
    """Make what the generator does now what the golden test expects."""
    shutil.rmtree(CASE / "pages", ignore_errors=True)
    for path, text in own_pages().items():
        target = CASE / "pages" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())

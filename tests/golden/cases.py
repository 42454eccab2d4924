"""Running the generator on the golden cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from oiafed_gen.diagnostics import Problems, SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import as_text
from oiafed_gen.sources import read_schema

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/schema"))


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the generator makes of a schema: texts by path, or what it prints as mistakes."""

    texts: dict[str, str]
    stderr: str


def run(case: Path) -> Outcome:
    """Generate from the schema of a case."""
    return outcome(case / "schema")


def outcome(schema: Path) -> Outcome:
    """Generate from a schema; its mistakes are told as those of a folder `schema`."""
    problems = Problems()
    files = read_schema(schema, problems)
    try:
        texts = generate(files, provided_files(), problems)
    except SchemaError as error:
        return Outcome({}, as_text(error.diagnostics, "schema", {file.path: file.text.split("\n") for file in files}))
    return Outcome(texts, "")


def expected(case: Path) -> Outcome:
    """Return what a case expects."""
    root = case / "expected"
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    texts = {path.relative_to(root).as_posix(): path.read_bytes().decode() for path in paths}
    stderr = case / "stderr"
    return Outcome(texts, stderr.read_text(encoding="utf-8") if stderr.exists() else "")

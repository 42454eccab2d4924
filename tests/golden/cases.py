"""Running the generator on the golden cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from oiafed_gen.diagnostics import Diagnostic, Problems, SchemaError
from oiafed_gen.evolution import compare
from oiafed_gen.generate import Resolved, python_files, resolve
from oiafed_gen.lint import lint
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import as_text
from oiafed_gen.sources import lines_of, read_schema
from oiafed_gen.templating import Templates, read_templates

FOLDER = Path(__file__).parent
CASES = sorted(path.parent for path in FOLDER.glob("*/schema"))


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What the generator makes of a schema: texts by path, or what it prints as mistakes."""

    texts: dict[str, str]
    stderr: str


def run(case: Path) -> Outcome:
    """Generate from the schema of a case; where it has an `old` one compare them; of `lint_` cases see the style."""
    old = case / "old"
    return outcome(case / "schema", old if old.exists() else None, style=case.name.startswith("lint_"))


def outcome(schema: Path, old: Path | None = None, *, style: bool = False) -> Outcome:
    """Generate from a schema; its mistakes are told as those of a folder `schema`.

    Args:
        schema: The schema.
        old: What it was; nothing is generated, and what breaks it is told.
        style: Nothing is generated, and what could be better is told.
    """
    problems = Problems()
    files = read_schema(schema, problems)
    own = read_templates(schema.parent / "templates")
    found: tuple[Diagnostic, ...] = ()
    try:
        resolved = resolve(files, provided_files(), problems)
        if old is not None:
            found = compare(_resolved(old), resolved)
        elif style:
            found = lint(resolved)
        else:
            return _rendered(resolved, own)
    except SchemaError as error:
        found = error.diagnostics
    return Outcome({}, as_text(found, "schema", lines_of(files)))


def _rendered(resolved: Resolved, own: dict[str, str]) -> Outcome:
    """Render by templates; their mistakes are told as those of a folder `templates`."""
    try:
        return Outcome(python_files(resolved, Templates(own)), "")
    except SchemaError as error:
        lines = {name: text.split("\n") for name, text in own.items()}
        return Outcome({}, as_text(error.diagnostics, "templates", lines))


def _resolved(schema: Path) -> Resolved:
    problems = Problems()
    return resolve(read_schema(schema, problems), provided_files(), problems)


def expected(case: Path) -> Outcome:
    """Return what a case expects."""
    root = case / "expected"
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    texts = {path.relative_to(root).as_posix(): path.read_bytes().decode() for path in paths}
    stderr = case / "stderr"
    return Outcome(texts, stderr.read_text(encoding="utf-8") if stderr.exists() else "")

"""The promise of a typed schema: change a field's type, regenerate, and the code that uses it no longer type-checks.

Fields and parameters are changed, each in a federation of its own beside a copy of the examples that uses that one, so
that one run of each checker judges all of the changes: every fourth one, or all where OIAFED_THOROUGH is set.
"""

from __future__ import annotations

import copy
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from oiafed_gen.generate import generate
from oiafed_gen.output.folder import update
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile

from tests.typing.checkers import ROOT, Errors, mypy_errors, pyright_errors

SCHEMA: dict[str, Any] = yaml.safe_load((ROOT / "schema/federation.yaml").read_text(encoding="utf-8"))
OTHER_TYPE = "bytes"  # which no field of the federation has
_NAMES = re.compile(r"\w+")
_OWN_PACKAGE = re.compile(r"\b(federation|examples)(?=\.| import)")


def _changed() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each field, parameter and result by name, with the schema in which its type is another."""
    for section in ("types", "errors"):
        for owner, body in SCHEMA[section].items():
            for name in body["fields"]:
                yield f"{owner}.{name}", _with(section, owner, "fields", name)
    for role, body in SCHEMA["roles"].items():
        for method, parts in body["methods"].items():
            for name in parts.get("params", ()):
                yield f"{role}.{method}({name})", _with("roles", role, "methods", method, "params", name)
            yield f"{role}.{method}()", _with("roles", role, "methods", method, "returns")


def _with(*path: str) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    *owners, last = path
    place: Any = schema
    for key in owners:
        place = place[key]
    former = place[last]
    place[last] = {**former, "type": OTHER_TYPE} if isinstance(former, dict) else OTHER_TYPE
    return schema


_STEP = 1 if os.environ.get("OIAFED_THOROUGH") else 4
CHANGES = {"nothing": SCHEMA, **dict(itertools.islice(_changed(), 0, None, _STEP))}


@pytest.fixture(name="world", scope="module")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a federation and a copy of the examples for each change, numbered."""
    folder = tmp_path_factory.mktemp("world")
    schemas = (
        SchemaFile(f"f{number}.yaml", yaml.safe_dump({**schema, "package": f"federation{number}.v1"}, sort_keys=False))
        for number, schema in enumerate(CHANGES.values())
    )
    update(folder, generate(tuple(schemas), provided_files()))
    for path in (ROOT / "examples").rglob("*.py"):
        for number in range(len(CHANGES)):
            place = folder / f"examples{number}" / path.relative_to(ROOT / "examples")
            place.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            place.write_text(_OWN_PACKAGE.sub(rf"\g<1>{number}", text), encoding="utf-8")
    return folder


def test_mypy(world: Path) -> None:
    assert _unnoticed(world, mypy_errors(_examples(world), [world, ROOT / "runtime"], world / "cache")) == set()


def test_pyright(world: Path) -> None:
    assert _unnoticed(world, pyright_errors(_examples(world), [world, ROOT / "runtime"], world)) == set()


def _examples(world: Path) -> list[Path]:
    """The modules that name what is changed: the others mean the same whatever its type is."""
    return [
        path
        for number, change in enumerate(CHANGES)
        for path in (world / f"examples{number}").rglob("*.py")
        if _NAMES.findall(change)[-1] in path.read_text(encoding="utf-8") or not number
    ]


def _unnoticed(world: Path, errors: Errors) -> set[str]:
    """Return the changes that give no error in the examples, and see that without a change there is none."""
    noticed = {Path(path).relative_to(world).parts[0] for path in errors}
    assert "examples0" not in noticed
    return {name for number, name in enumerate(CHANGES) if number and f"examples{number}" not in noticed}

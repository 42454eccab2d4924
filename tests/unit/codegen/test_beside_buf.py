"""`--against` beside `buf breaking`: each change is judged alike, but for those that docs/evolution.md lists."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from oiafed_gen.evolution import Level, compare
from oiafed_gen.generate import Resolved, resolve
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile

from tests.unit.codegen.schema_changes import change_at, files

BUF = shutil.which("buf") or ""
pytestmark = [
    pytest.mark.skipif(not os.environ.get("OIAFED_THOROUGH"), reason="runs in `make test-slow`"),
    pytest.mark.skipif(not BUF, reason="buf is not on the PATH; see https://buf.build/docs/cli/installation"),
]

LEVELS = {"WIRE": [Level.WIRE], "WIRE_JSON": [Level.WIRE, Level.JSON]}

MILDER = {
    "WIRE_JSON": [
        "field: oneof renamed",
        "field: other message",
        "type renamed",
        "type moved inside",
        "enum renamed",
        "method: request N -> P",
        "method: response N -> P",
        "method: IDEMPOTENCY_UNKNOWN -> *",
        "method: IDEMPOTENT -> NO_SIDE_EFFECTS",
    ],
    "WIRE": ["field: *E* -> F", "field: *F* -> E"],  # the names of values are not in bytes
}
"""What buf alone calls a break, by category; what WIRE_JSON has is in WIRE as well."""

STRICTER = {
    "WIRE_JSON": ["method: removed", "service removed"],
    "WIRE": [f"{kind}: {how}" for kind in ("field", "value") for how in ("renumbered and reserved", "swapped*")],
}
"""What we alone call a break; what WIRE_JSON has is in WIRE as well."""


@pytest.mark.parametrize("category", LEVELS)
def test_breaks_are_those_of_buf(category: str, resolved: list[Resolved], tmp_path: Path) -> None:
    ours, theirs = _ours(resolved, LEVELS[category]), _theirs(category, tmp_path)
    assert len(theirs) > 500
    _expect(theirs - ours, _patterns(MILDER, category))
    _expect(ours - theirs, _patterns(STRICTER, category))


def _patterns(listed: dict[str, list[str]], category: str) -> list[str]:
    return [*listed["WIRE_JSON"], *(listed["WIRE"] if category == "WIRE" else ())]


def _expect(found: set[str], patterns: list[str]) -> None:
    assert sorted(name for name in found if not any(fnmatchcase(name, pattern) for pattern in patterns)) == []
    assert [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in found)] == []


@pytest.fixture(name="resolved", scope="module")
def _resolved() -> list[Resolved]:
    return [resolve([SchemaFile(*each) for each in side.items()], provided_files()) for side in map(files, (0, 1))]


def _ours(resolved: list[Resolved], levels: list[Level]) -> set[str]:
    return {change_at(each.location.file, each.location.line) for each in compare(*resolved, levels)}


def _theirs(category: str, folder: Path) -> set[str]:
    for side, texts in (("old", files(0)), ("new", files(1))):
        for path, text in texts.items():
            (folder / side / path).parent.mkdir(parents=True)
            (folder / side / path).write_text(text)
    config = json.dumps({"version": "v2", "breaking": {"use": [category]}})
    command = [BUF, "breaking", folder / "new", "--against", folder / "old", "--error-format=json", "--config", config]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 100), done.stderr
    found = map(json.loads, done.stdout.splitlines())
    return {change_at("/".join(Path(each["path"]).parts[-2:]), each["start_line"]) for each in found}

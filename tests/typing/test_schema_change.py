"""The promise of a typed schema: change a field's type, regenerate, and the code that uses it no longer type-checks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from oiafed_gen.generate import generate
from oiafed_gen.output import apply, compare
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile

from tests.typing.checkers import ROOT, Errors, mypy_errors, pyright_errors

SCHEMA = (ROOT / "schema/federation.yaml").read_text(encoding="utf-8")
CHANGES = [
    ("correct: {type: int64,", "correct: {type: string,"),
    ('classes: {type: "map<int32, int64>",', 'classes: {type: "map<string, int64>",'),
    ("retry_after: {type: double,", "retry_after: {type: string,"),
    ("weights: {type: tensors, doc: The trained weights.}", "weights: {type: tensor, doc: The trained weights.}"),
]


@pytest.mark.parametrize(("old", "new"), CHANGES, ids=[old.partition(":")[0] for old, _ in CHANGES])
def test_a_changed_field_fails_in_the_examples(old: str, new: str, tmp_path: Path) -> None:
    assert SCHEMA.count(old) == 1
    by_mypy, by_pyright = _check_examples(SCHEMA.replace(old, new), tmp_path)
    assert by_mypy
    assert by_pyright


def test_the_unchanged_schema_passes(tmp_path: Path) -> None:
    assert _check_examples(SCHEMA, tmp_path) == ({}, {})


def _check_examples(schema: str, folder: Path) -> tuple[Errors, Errors]:
    """Return what mypy and pyright say of a copy of the examples, with stubs made from `schema`."""
    examples, generated = folder / "examples", folder / "generated"
    shutil.copytree(ROOT / "examples", examples)
    apply(generated, compare(generated, generate([SchemaFile("federation.yaml", schema)], provided_files())))
    search = [folder, ROOT / "runtime", generated]
    return mypy_errors([examples], search, folder / "cache"), pyright_errors([examples], search, folder)

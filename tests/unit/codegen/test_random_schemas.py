"""Random valid schemas: each generates, imports, type-checks, and carries random values with every serializer."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile

from tests.roundtrip.running import exercise, type_errors, write
from tests.unit.codegen.schemas import schemas

MANY = 150 if os.environ.get("OIAFED_THOROUGH") else 12


def some_schemas(count: int) -> list[SchemaFile]:
    """Return random schemas, each in packages of its own."""
    found: list[SchemaFile] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def add(data: st.DataObject) -> None:
        files = data.draw(schemas(f"s{len(found)}"))
        found.extend(file.source() for file in files)

    add()
    return found


@pytest.mark.timeout(20 * MANY)
def test_random_schemas(tmp_path: Path) -> None:
    """Many at once, as starting the type checkers takes longer than all else; `tmp_path` keeps those that fail."""
    files = some_schemas(MANY)
    write(tmp_path / "schema", {file.path: file.text for file in files})
    write(tmp_path / "out", generate(files, provided_files()))
    exercise(tmp_path / "out", random.randrange(10**6))
    assert type_errors(tmp_path / "out", tmp_path) == {}

"""The typing cases: an error on each line marked `# E:` and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.typing.checkers import ROOT, Errors, mypy_errors, pyright_errors

GOLDEN = ROOT / "tests/golden"
SEARCH = (ROOT / "runtime", ROOT / "generated", GOLDEN / "methods/expected", GOLDEN / "services/expected")


@pytest.fixture(name="cases")
def _cases(tmp_path: Path) -> list[Path]:
    """Copies of the cases, outside of the project and its settings."""
    folder = tmp_path / "cases"
    shutil.copytree(Path(__file__).parent / "cases", folder)
    return sorted(folder.glob("*.py"))


def _wanted(cases: list[Path]) -> Errors:
    marked = {
        str(path): {number for number, line in enumerate(path.read_text().splitlines(), 1) if "  # E: " in line}
        for path in cases
    }
    return {path: lines for path, lines in marked.items() if lines}


def test_mypy(cases: list[Path], tmp_path: Path) -> None:
    assert mypy_errors(cases, SEARCH, tmp_path / "cache") == _wanted(cases)


def test_pyright(cases: list[Path], tmp_path: Path) -> None:
    assert pyright_errors(cases, SEARCH, tmp_path) == _wanted(cases)

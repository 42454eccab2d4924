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


def _marked(cases: list[Path]) -> dict[str, str]:
    """Return the marked lines by where they stand."""
    return {place: line for place, line in _lines(cases).items() if "  # E: " in line}


def _found(cases: list[Path], errors: Errors) -> dict[str, str]:
    """Return the lines with errors by where they stand."""
    lines = _lines(cases)
    places = (f"{Path(path).name}:{number}" for path, numbers in errors.items() for number in numbers)
    return {place: lines[place] for place in places}


def _lines(cases: list[Path]) -> dict[str, str]:
    texts = {path.name: path.read_text(encoding="utf-8").splitlines() for path in cases}
    return {f"{name}:{number}": line for name, lines in texts.items() for number, line in enumerate(lines, 1)}


def test_mypy(cases: list[Path], tmp_path: Path) -> None:
    assert _found(cases, mypy_errors(cases, SEARCH, tmp_path / "cache")) == _marked(cases)


def test_pyright(cases: list[Path], tmp_path: Path) -> None:
    assert _found(cases, pyright_errors(cases, SEARCH, tmp_path)) == _marked(cases)

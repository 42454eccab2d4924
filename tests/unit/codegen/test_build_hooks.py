"""Generating as part of a build or of a commit."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
VALID = "package: shop.v1\ntypes: {Item: {fields: {name: string}}}\n"


def _build(folder: Path, hook: str, schema: str = VALID, target: str = "wheel") -> subprocess.CompletedProcess[str]:
    """Build a project in which the generated code is not committed."""
    project = folder / "project"
    (project / "schema").mkdir(parents=True, exist_ok=True)
    (project / "schema/shop.yaml").write_text(schema)
    (project / ".gitignore").write_text("/src\n")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling", "oiafed-rpc[gen]"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "shop"\nversion = "1"\n[tool.hatch.build.targets.wheel]\npackages = ["src/shop"]\n'
        f"[tool.hatch.build.hooks.oiafed]\n{hook}"
    )
    entry_points = folder / "installed/oiafed_rpc_under_test-1.dist-info/entry_points.txt"
    entry_points.parent.mkdir(parents=True, exist_ok=True)
    (entry_points.parent / "METADATA").write_text("Metadata-Version: 2.1\nName: oiafed-rpc-under-test\nVersion: 1\n")
    listed = [f"{name} = {target}" for name, target in PROJECT["entry-points"]["hatch"].items()]
    entry_points.write_text("\n".join(["[hatch]", *listed]))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "installed"), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder / "dist")]
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)


def test_a_wheel_has_what_is_generated(tmp_path: Path) -> None:
    done = _build(tmp_path, 'output = "src"\n')
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    root = tmp_path / "project/src"
    expected = {path.relative_to(root).as_posix() for path in (root / "shop").rglob("*.*")}
    assert "shop/v1/types.py" in expected
    assert expected <= names


@pytest.mark.parametrize(
    ("hook", "schema", "message"),
    [
        ('output = "src"\n', VALID.replace("string", "strin"), "schema/shop.yaml:2:31: error[unknown-type]: "),
        ('outptu = "src"\n', VALID, "has no key 'outptu'; did you mean 'output'?"),
        ("output = 1\n", VALID, "'output' must be the path of a folder"),
        ('schema = "elsewhere"\n', VALID, "elsewhere:1:1: error[no-schema]: there is no such folder"),
        ('output = "pyproject.toml"\n', VALID, "oiafed-gen: "),
    ],
)
def test_a_build_that_fails(hook: str, schema: str, message: str, tmp_path: Path) -> None:
    done = _build(tmp_path, hook, schema)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_commit_hook_starts_the_command() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] in PROJECT["scripts"]
    assert hook["additional_dependencies"] == ["oiafed-rpc[gen]"]
    assert "gen" in PROJECT["optional-dependencies"]

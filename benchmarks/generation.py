"""Generating from a large schema, beside protoc and mypy-protobuf alone, and importing what comes of it.

Everything runs in a process of its own, the contenders in turn, so that a machine that slows down slows them all; what
is shown is the median of the rounds, the first of which does not count. All files lie in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.large_schema import METHODS, ROLES, write_many_files, write_one_file

ROUNDS = 5
GOALS = {"generate": 3.0, "check": 1.0}
"""Seconds that a run may take."""

_IMPORT = """
import sys, time
sys.path[:0] = ["generated", "alone"]
start = time.perf_counter()
exec(sys.argv[1])
print(time.perf_counter() - start)
"""


def _run(folder: Path, *arguments: str, cache: str) -> str:
    """Run Python in a folder; returns what it prints."""
    environment = {**os.environ, "OIAFED_GEN_CACHE": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # people's programs are compiled once
    done = subprocess.run(  # noqa: S603
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def _generate(folder: Path) -> float:
    """Generate for the first time."""
    shutil.rmtree(folder / "generated", ignore_errors=True)
    return _seconds(lambda: _run(folder, "-m", "oiafed_gen", "schema", cache=""))


def _check(folder: Path) -> float:
    """Check output in which nothing has changed since it was written."""
    _run(folder, "-m", "oiafed_gen", "schema", cache=str(folder / "cache"))
    return _seconds(lambda: _run(folder, "-m", "oiafed_gen", "schema", "--check", cache=str(folder / "cache")))


def _reference(folder: Path) -> float:
    """Run protoc with its own Python and with mypy-protobuf, on the .proto files that are generated."""
    output = folder / "generated"
    (folder / "plain").mkdir(exist_ok=True)
    protos = sorted(path.relative_to(output).as_posix() for path in output.glob("large/**/*.proto"))
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    options = [f"--plugin=protoc-gen-mypy={plugin}", "-Igenerated", "--python_out=plain", "--mypy_out=quiet:plain"]
    return _seconds(lambda: _run(folder, "-m", "grpc_tools.protoc", *options, *protos, cache=""))


def _importing(statement: str) -> Callable[[Path], float]:
    def measure(folder: Path) -> float:
        return float(_run(folder, "-c", _IMPORT, statement, cache=""))

    return measure


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _measured(folder: Path, write: Callable[[Path], None]) -> Mapping[str, float]:
    """The median of each contender."""
    (folder / "schema").mkdir(parents=True)
    write(folder / "schema")
    _generate(folder)
    wire = folder / "generated/large/v1/wire"
    shutil.copytree(wire, folder / "alone/wire", ignore=shutil.ignore_patterns("*.pyi", "*.proto"))
    messages = ", ".join(f"wire.{path.stem}" for path in sorted(wire.glob("*_pb2.py")))
    contenders = {
        "generate": _generate,
        "reference": _reference,
        "check": _check,
        "_pb2 alone": _importing(f"import {messages}"),
        "the runtime alone": _importing("import oiafed_rpc.stub"),
        "import large.v1": _importing("import large.v1"),
        "from large.v1 import Role0Handler": _importing("from large.v1 import Role0Handler"),
        "from large.v1 import *": _importing("from large.v1 import *"),
    }
    rounds = [{name: measure(folder) for name, measure in contenders.items()} for _ in range(ROUNDS + 1)]
    return {name: statistics.median(each[name] for each in rounds[1:]) for name in contenders}


def _show(title: str, medians: Mapping[str, float]) -> None:
    print(f"\n{title}")
    for name in ("generate", "check"):
        print(f"  oiafed-gen, {name:<26} {medians[name]:6.2f} s   (goal: {GOALS[name]:.0f} s)")
    print(f"  protoc and mypy-protobuf alone         {medians['reference']:6.2f} s")
    alone = medians["_pb2 alone"]
    print(f"  importing its _pb2 alone               {alone * 1e3:6.0f} ms")
    print(f"  importing the runtime alone            {medians['the runtime alone'] * 1e3:6.0f} ms")
    for name in ("import large.v1", "from large.v1 import Role0Handler", "from large.v1 import *"):
        print(f"  {name:<38} {medians[name] * 1e3:6.0f} ms  x {medians[name] / alone:.2f} (goal: 2)")


def main() -> None:
    """Measure both forms of the schema."""
    print(f"{ROLES} roles with {METHODS} methods each, 3,000 messages; medians of {ROUNDS} rounds")
    with tempfile.TemporaryDirectory(prefix="oiafed-bench-") as folder:
        _show("in one file", _measured(Path(folder, "one"), write_one_file))
        _show(f"in {ROLES} files", _measured(Path(folder, "many"), write_many_files))


if __name__ == "__main__":
    main()

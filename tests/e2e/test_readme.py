"""The README's own federation, as a newcomer types it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from oiafed_rpc import NodeConfig

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
FILES = dict(re.findall(r"<!-- file: (.+?) -->\n```\w+\n(.*?)```", README, re.DOTALL))
EXPECTED = "learner_0 trained on 100 samples: [2. 2. 2.]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the README, on a port that is free, with the stubs generated."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("50051", port))
    generation = _run(tmp_path, "-m", "oiafed_gen", "schema/")
    assert generation.returncode == 0, generation.stderr
    return tmp_path


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_schema_has_ten_lines() -> None:
    assert len(FILES["schema/hello.yaml"].splitlines()) == 10


def test_it_runs_in_one_process_as_written(project: Path) -> None:
    run = _run(project, "hello.py", "both")
    assert (run.returncode, run.stdout, run.stderr) == (0, EXPECTED, "")


def test_one_changed_line_makes_it_two_processes(project: Path) -> None:
    for name in ("learner.yaml", "trainer.yaml"):
        text = (project / name).read_text()
        assert text.count("mode: memory") == 1
        (project / name).write_text(text.replace("mode: memory", "mode: grpc"))
    learner = subprocess.Popen([sys.executable, "hello.py", "learn"], cwd=project)
    try:
        run = _run(project, "hello.py", "train")
        assert (run.returncode, run.stdout, run.stderr) == (0, EXPECTED, "")
        assert learner.poll() is None
    finally:
        learner.kill()
        learner.wait(10)


def test_the_code_passes_both_type_checkers(project: Path) -> None:
    mypy = _run(project, "-m", "mypy", "--strict", "hello.py")
    assert mypy.returncode == 0, mypy.stdout
    (project / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    pyright = _run(project, "-m", "pyright", "--pythonpath", sys.executable, "hello.py")
    assert pyright.returncode == 0, pyright.stdout


def test_the_configuration_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_TOKEN", "x")
    (block,) = re.findall(r"## Configuration\n.*?```yaml\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for name in ("node.crt", "node.key", "ca.crt"):
        Path(name).touch()
    assert NodeConfig.load(yaml.safe_load(block)).timeout.connect == 10

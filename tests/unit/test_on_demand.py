"""Generated packages import their modules when their names are used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from federation import v1
from oiafed_rpc import Record
from oiafed_rpc.on_demand import import_expected


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


_LOADED = "print(sorted(each for each in sys.modules if each.startswith('federation.v1.') and 'wire' not in each))"


def test_what_is_not_used_is_not_imported() -> None:
    assert _run(f"import sys, federation.v1; {_LOADED}") == "[]\n"
    code = f"import sys; from federation.v1 import FitConfig; {_LOADED}"
    assert _run(code) == "['federation.v1.types']\n"
    code = f"import sys; from federation.v1 import TrainerProxy; {_LOADED}"
    assert _run(code) == "['federation.v1.trainer', 'federation.v1.types']\n"
    code = f"import sys; from federation.v1 import *; FitConfig(epochs=1), LearnerProxy, TrainerProxy; {_LOADED}"
    assert _run(code) == "['federation.v1.learner', 'federation.v1.trainer', 'federation.v1.types']\n"


def test_modules_are_attributes() -> None:
    assert _run("import federation.v1; print(federation.v1.learner.LearnerProxy.__name__)") == "LearnerProxy\n"


def test_names_that_are_not_there() -> None:
    with pytest.raises(AttributeError, match=r"^module 'federation\.v1' has no attribute 'LearnerPorxy'$"):
        _ = getattr(v1, "LearnerPorxy")  # noqa: B009
    with pytest.raises(ImportError):
        exec("from federation.v1 import LearnerPorxy")


def test_looking_around_shows_every_name() -> None:
    assert {*v1.__all__} <= {*dir(v1)}


@pytest.mark.parametrize("serializer", ["PickleSerializer", "JsonSerializer", "ProtoSerializer"])
def test_a_peer_can_name_the_types_of_a_package_that_is_merely_imported(serializer: str) -> None:
    encode = f"from oiafed_rpc.serializer import {serializer} as S; from federation.v1 import FitConfig, Phase; "
    encode += "print(bytes(S().serialize([FitConfig(epochs=3), Phase.TRAINING])).hex())"
    decode = f"from oiafed_rpc.serializer import {serializer} as S; import federation.v1; "
    decode += f"print(S().deserialize(bytes.fromhex('{_run(encode).strip()}')))"
    assert "FitConfig(epochs=3, " in _run(decode)


def test_a_package_that_was_unloaded_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gone_again"
    package.mkdir()
    package.joinpath("__init__.py").write_text(
        "from oiafed_rpc.on_demand import on_demand\n__getattr__ = on_demand(__name__, {'types': ('Weights',)})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("gone_again")
    monkeypatch.delitem(sys.modules, "gone_again")
    import_expected()


def test_records_are_told_by_their_fields() -> None:
    config = v1.FitConfig(epochs=1, tags={"a": "b"})
    expected = "FitConfig(epochs=1, learning_rate=0.01, batch_size=32, seed=None, tags={'a': 'b'})"
    assert repr(config) == expected
    config.tags = {"self": config}  # type: ignore[dict-item]
    assert repr(config).endswith("tags={'self': ...})")
    assert isinstance(config, Record)

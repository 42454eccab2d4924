"""What importing the package costs: nothing, until a name is used."""

from __future__ import annotations

import subprocess
import sys

import oiafed_rpc
import oiafed_rpc.testing
import pytest


@pytest.mark.parametrize("name", oiafed_rpc.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(oiafed_rpc, name).__name__ == name if name[0].isupper() and name not in _ALIASES else True
    assert name in dir(oiafed_rpc)


_ALIASES = {"CallNext", "Tensor", "Tensors"}


@pytest.mark.parametrize("name", oiafed_rpc.testing.__all__)
def test_every_tool_for_tests_is_there(name: str) -> None:
    assert getattr(oiafed_rpc.testing, name).__name__ == name


@pytest.mark.parametrize("module", [oiafed_rpc, oiafed_rpc.testing])
def test_another_name_is_an_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        getattr(module, "Nothing")  # noqa: B009 - type checkers know that it is not there


def test_the_plugin_of_pytest_imports_nothing_else() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import oiafed_rpc.testing.plugin; "
        "print(*sorted({*sys.modules} - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["oiafed_rpc", "oiafed_rpc.testing", "oiafed_rpc.testing.plugin"]


def test_what_compresses_is_imported_where_something_is_compressed() -> None:
    code = "import sys, oiafed_rpc; oiafed_rpc.GrpcTransport; print('zstandard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]

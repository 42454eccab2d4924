"""The stubs of schema/conformance.yaml, generated once for the process that runs the tests."""

from __future__ import annotations

import atexit
import importlib
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType

SCHEMA = Path(__file__).parent / "schema"


@cache
def conformance() -> ModuleType:
    """The package `conformance.v1`."""
    folder = tempfile.mkdtemp(prefix="oiafed-conformance-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-m", "oiafed_gen", str(SCHEMA), "-o", folder]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    return importlib.import_module("conformance.v1")

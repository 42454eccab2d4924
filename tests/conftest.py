"""What holds for every test."""

from __future__ import annotations

import os


def pytest_configure() -> None:
    """Let the generator remember nothing, here and in the programs that tests start: not even in the user's cache."""
    os.environ["OIAFED_GEN_CACHE"] = ""

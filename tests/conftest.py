"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings


def pytest_configure() -> None:
    """Let the generator remember nothing, here and in the programs that tests start: not even in the user's cache.

    And let no example of a property fail for being slow: other tests run beside it.
    """
    os.environ["OIAFED_GEN_CACHE"] = ""
    settings.register_profile("beside-others", settings.get_profile("default"), deadline=None)
    settings.load_profile("beside-others")


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: for a third of the time tests wait for timers and for other processes."""
    return 1 + (os.cpu_count() or 1)

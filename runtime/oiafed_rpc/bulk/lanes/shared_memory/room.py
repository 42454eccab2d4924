"""How much memory there is to be had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def memory_available() -> int:
    """Bytes that this process could use without harm to others: of the host, and of the container or slice it is in.

    0 where the system does not tell.
    """
    return max(min([_of_host(), *_of_groups()]), 0)


def _of_host() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MEMINFO.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return 0


def _of_groups() -> Iterator[int]:
    """What each control group (version 2) leaves that this process belongs to."""
    with contextlib.suppress(OSError):
        for line in _CGROUP.read_text("utf-8").splitlines():
            if line.startswith("0::/"):
                path = PurePosixPath(line.removeprefix("0::/"))
                for group in (path, *path.parents):
                    yield from _of_group(_CGROUPS / group)


def _of_group(group: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: there is no limit
        yield int((group / "memory.max").read_text("ascii")) - int((group / "memory.current").read_text("ascii"))

"""What a benchmark ran on, without names."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def _first(path: str, pattern: str) -> str:
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def describe() -> dict[str, str]:
    """Processor, memory, kernel and versions."""
    kib = int(_first("/proc/meminfo", r"^MemTotal:\s*(\d+)"))
    kernel = re.match(r"[\d.]+", platform.release())
    return {
        "CPUs": str(len(os.sched_getaffinity(0))),
        "processor": _first("/proc/cpuinfo", r"^model name\s*:(.*)$"),
        "memory": f"{kib / 1024 / 1024:.0f} GiB",
        "kernel": f"{platform.system()} {kernel.group() if kernel else ''}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("grpcio", "numpy", "xxhash", "zstandard")},
    }

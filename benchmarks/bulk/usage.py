"""What a process has used of the machine."""

from __future__ import annotations

import ctypes
import resource
from pathlib import Path


def cpu_seconds() -> float:
    """CPU seconds of this process, all its threads, the kernel's work for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(key: str) -> int:
    """Bytes of memory of this process: `VmRSS` now, `VmHWM` at most."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"/proc/self/status has no {key}")


def forget_peak() -> None:
    """Let the peak begin anew from what is used now, of which what was given back to the allocator is no part."""
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")

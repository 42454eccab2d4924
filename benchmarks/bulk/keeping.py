"""Where results are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.bulk.results import Results


def write(results: Results, path: Path) -> None:
    """Write them as JSON, rounded to what they are worth."""
    plain = msgspec.json.format(msgspec.json.encode(results), indent=1)
    path.write_bytes(plain + b"\n")


def keep(results: Results, file: Path | None, folder: Path | None) -> None:
    """Write them where they are wanted."""
    if file is not None:
        write(results, file)
    if folder is not None:
        write(results, folder / "results.json")

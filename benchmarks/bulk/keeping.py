"""Where results are kept."""

from __future__ import annotations

from pathlib import Path

import msgspec

from benchmarks.bulk.goals import verdicts
from benchmarks.bulk.picture import draw
from benchmarks.bulk.results import Results


def _rounded(value: object) -> object:
    """The same with numbers to four digits, which is more than they are worth."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def write(results: Results, path: Path) -> None:
    """Write them as JSON, with what became of the goals."""
    plain = {**msgspec.to_builtins(results), "goals": msgspec.to_builtins(verdicts(results))}
    lines = msgspec.json.format(msgspec.json.encode(_rounded(plain)), indent=1)
    path.write_bytes(lines + b"\n")


def renew(results: Results, folder: Path) -> Results:
    """Renew the results of a folder, and their picture; the parts that were not measured stay. Returns all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    if path.exists():
        former = msgspec.json.decode(path.read_bytes(), type=Results)
        results = Results(machine=results.machine, parts={**former.parts, **results.parts})
    write(results, path)
    (folder / "results.svg").write_text(draw(results))
    return results

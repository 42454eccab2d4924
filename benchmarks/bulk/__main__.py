"""The command line: `python -m benchmarks.bulk one-way --sizes 100 --only raw-tcp,socket`."""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bulk import table
from benchmarks.bulk.contenders import ENTRIES
from benchmarks.bulk.goals import verdicts
from benchmarks.bulk.keeping import renew, write
from benchmarks.bulk.machine import describe
from benchmarks.bulk.parts import PARTS
from benchmarks.bulk.results import Part, Results
from benchmarks.bulk.settings import Settings


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in ENTRIES:
            raise argparse.ArgumentTypeError(f"no contender {name!r}: there are {', '.join(ENTRIES)}")
    return names


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split(","))


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {name:<12} {job.doc} ({', '.join(map(str, job.sizes))} MB)" for name, job in PARTS.items())
    parser = argparse.ArgumentParser(
        "python -m benchmarks.bulk",
        description=f"Large payloads beside other ways of moving them.\n\nparts:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = Settings()
    parser.add_argument("parts", nargs="*", metavar="part", help="what to measure; all of it where nothing is said")
    parser.add_argument("--sizes", type=_sizes, default=(), metavar="MB,...", help="megabytes of the payloads")
    parser.add_argument("--only", type=_names, default=(), metavar="NAME,...", help=f"of {', '.join(ENTRIES)}")
    parser.add_argument("--rounds", type=int, default=defaults.rounds, help="rounds that count (%(default)s)")
    parser.add_argument("--repeats", type=int, default=defaults.repeats, help="repeats of small payloads (%(default)s)")
    parser.add_argument("--budget", type=float, default=defaults.budget, help="seconds a part (%(default)s)")
    parser.add_argument("--longest", type=float, default=defaults.longest, help="seconds a measurement (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what is measured there")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="renew results.json and results.svg there")
    return parser


def _run(name: str, settings: Settings) -> Part:
    job = PARTS[name]
    when, load, began = datetime.now(UTC), os.getloadavg()[0], time.monotonic()
    series = job.run(settings, settings.only or job.contenders, settings.sizes or job.sizes)
    return Part(when=f"{when:%Y-%m-%d %H:%M}", load=load, took=time.monotonic() - began, series=series)


def _end(*_: object) -> None:
    raise SystemExit("ended")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and keep."""
    signal.signal(signal.SIGTERM, _end)  # as an interrupt does: what has been started is ended
    parser = _parser()
    given = parser.parse_args(arguments)
    for name in given.parts:
        if name not in PARTS:
            parser.error(f"no part {name!r}: there are {', '.join(PARTS)}")
    if given.save and (given.sizes or given.only):
        parser.error("--save keeps whole parts: leave --sizes and --only out, or use --json")
    settings = Settings(
        rounds=given.rounds,
        repeats=given.repeats,
        budget=given.budget,
        longest=given.longest,
        sizes=given.sizes,
        only=given.only,
    )
    results = Results(machine=describe(), parts={})
    for name in given.parts or [name for name, job in PARTS.items() if not job.extra]:
        results.parts[name] = part = _run(name, settings)
        print("\n".join(table.lines(name, part)), flush=True)
        if given.save:
            renew(results, given.save)  # at once: the next may be interrupted
    if given.json:
        write(results, given.json)
    print("\n".join(table.goals(verdicts(results))))


if __name__ == "__main__":
    main()

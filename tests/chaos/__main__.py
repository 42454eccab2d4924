"""Play many stories: `python -m tests.chaos --seeds 1000`, or one of them: `python -m tests.chaos --seed 17`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.chaos.ledger import Ledger
from tests.chaos.network import enter
from tests.chaos.nursery import Nursery
from tests.chaos.stage import play
from tests.chaos.story import story

LONGEST = 60.0
"""Seconds in which a story has ended, whatever happens in it."""


def summary(ledger: Ledger, seconds: float) -> dict[str, object]:
    """A run in one line."""
    told = ledger.story
    return {
        "seed": told.seed,
        "dial_out": told.dial_out,
        "journal": told.journal,
        "broke": [f"{each.deed} at {each.step} of {each.calls[0].kind}" for each in told.rounds],
        "outcomes": dict(sorted(ledger.outcomes().items())),
        "rejoined": [each["seconds"] and round(each["seconds"], 2) for each in ledger.all("probed")[1:]],
        "seconds": round(seconds, 1),
        "violations": ledger.violations(),
    }


async def run(seeds: Iterable[int], jobs: int, verbose: bool = False) -> list[dict[str, object]]:
    """Play the stories of seeds, some at a time."""
    todo, done = iter(seeds), list[dict[str, object]]()

    async def work(nursery: Nursery) -> None:
        for seed in todo:
            began = time.monotonic()
            ledger = await play(story(seed), nursery, LONGEST)
            told = summary(ledger, time.monotonic() - began)
            done.append(told)
            if verbose:
                first = ledger.entries[0]["at"]
                for entry in ledger.entries:
                    print(f"{entry['at'] - first:8.3f}", {key: entry[key] for key in entry if key != "at"})
            if told["violations"] or verbose:
                print(json.dumps(told, indent=1), flush=True)

    async with Nursery() as nursery:
        await asyncio.gather(*(work(nursery) for _ in range(jobs)))
    return sorted(done, key=lambda each: int(str(each["seed"])))


def main() -> int:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many stories (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--seed", type=int, help="play this one alone, and tell all that happens")
    parser.add_argument("--jobs", type=int, default=6, help="how many at a time (default: 6)")
    parser.add_argument("--listening", action="store_true", help="only those whose learner listens")
    parser.add_argument("--netem", help="in a network with this of `tc netem`, such as 'delay 20ms loss 1%%'")
    parser.add_argument("--save", type=Path, help="write a line for each to this file")
    options = parser.parse_args()
    if options.netem:
        enter(options.netem)
    seeds = range(options.first, options.first + options.seeds) if options.seed is None else [options.seed]
    if options.listening:
        seeds = [seed for seed in seeds if not story(seed).dial_out]
    began = time.monotonic()
    done = asyncio.run(run(seeds, options.jobs, verbose=options.seed is not None))
    outcomes = Counter[str]()
    for each in done:
        outcomes.update(each["outcomes"])  # type: ignore[arg-type]
    broken = [each for each in done if each["violations"]]
    print(f"{len(done)} stories in {time.monotonic() - began:.0f} s, {sum(outcomes.values())} calls: {dict(outcomes)}")
    print(f"{len(broken)} with violations: {[each['seed'] for each in broken]}")
    if options.save:
        options.save.write_text("".join(json.dumps(each) + "\n" for each in done), encoding="utf-8")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())

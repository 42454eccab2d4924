"""The ledger in the repository is that of the stories as they are, and has no violation."""

from __future__ import annotations

import json
from pathlib import Path

from tests.chaos.story import story

SAVED = Path(__file__).parents[2] / "docs" / "reliability" / "ledger.jsonl"


def test_it_has_a_thousand_seeds_and_no_violation() -> None:
    saved = [json.loads(line) for line in SAVED.read_text(encoding="utf-8").splitlines()]
    assert [each["seed"] for each in saved] == list(range(1000))
    for each in saved:
        told = [f"{act.deed} at {act.step} of {act.calls[0].kind}" for act in story(each["seed"]).rounds]
        assert (each["broke"], each["violations"]) == (told, []), each["seed"]

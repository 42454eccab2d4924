"""A few of the stories that `make chaos` plays a thousand of."""

from __future__ import annotations

from tests.chaos.__main__ import run

SEEDS = range(12)


async def test_a_few_stories_keep_every_promise() -> None:
    done = await run(SEEDS, jobs=3)
    assert [each["seed"] for each in done] == list(SEEDS)
    assert {str(each["seed"]): each["violations"] for each in done if each["violations"]} == {}

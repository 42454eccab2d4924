"""The ledger finds what breaks a promise: each, put into a run that keeps them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.ledger import Entry, Ledger
from tests.chaos.story import Call, Deed, Kind, Round, Step, Story, story


def entry(at: float, what: str, who: str = "trainer", **facts: Any) -> Entry:
    return {"at": at, "what": what, "who": who, "start": 1, **facts}


def failed(at: float, kind: str = "OutcomeUnknown", code: str = "UNAVAILABLE", ran: bool | None = None) -> Entry:
    return entry(at, "failed", key="a", type=kind, code=code, ran=ran, message="told")


def run(deed: Deed = "cut", kind: Kind = "once", step: Step = "running", timeout: float = 6.0) -> Ledger:
    """A run with one call that succeeds."""
    call = Call("a", kind, timeout, 0.0, 0)
    act = Round((call,), step, deed, 0.5, 0, late=False, up=False)
    entries = [
        entry(0.0, "asked", key="a"),
        entry(0.1, "ran", "learner", key="a", token="t"),
        entry(0.2, "ended", "learner", key="a", token="t"),
        entry(0.3, "result", key="a", token="t", right=True),
        entry(1.0, "probed", seconds=0.1),
        entry(1.1, "stopped", tasks=[], files=[]),
        entry(1.1, "stopped", "learner", tasks=[], files=[]),
    ]
    return Ledger(Story(0, dial_out=False, beside=False, moves=False, journal=False, rounds=(act,)), entries)


def ending_with(ledger: Ledger, *ends: Entry) -> list[str]:
    """The violations where the call ends otherwise."""
    ledger.entries[3:4] = ends
    return ledger.violations()


def test_a_run_that_keeps_all_promises() -> None:
    assert run().violations() == []
    assert run().outcomes() == {"result": 1}


BREAKS: list[tuple[Callable[[list[Entry]], Any], str]] = [
    (lambda it: it.append(entry(2, "ran", "learner", key="a", token="t")), "ran 2 times"),
    (lambda it: it.pop(3), "did not end"),
    (lambda it: it.append(it[3]), "ended 2 times"),
    (lambda it: it[3].update(at=9.0), "ended 3.00 s after its deadline"),
    (lambda it: it[3].update(token="other"), "has a result that no run of it has given"),
    (lambda it: it[3].update(right=False), "has a result that is not what its handler gave"),
    (lambda it: it.pop(2), "the handler of call a has no end"),
    (lambda it: it[4].update(seconds=4.0), "the learner answered again after 4.00 s"),
    (lambda it: it[4].update(seconds=None, failure="gone"), "the learner did not answer again: gone"),
    (lambda it: it[5].update(tasks=["one"]), "trainer left tasks behind: ['one']"),
    (lambda it: it[6].update(files=["a socket"]), "learner left files behind: ['a socket']"),
    (lambda it: it.append(entry(2, "complaint", text="never retrieved")), "trainer logged an error: never retrieved"),
    (lambda it: it.append(entry(2, "did not start", message="taken")), "trainer did not start: taken"),
    (lambda it: it.append(entry(2, "left", "stage", text="port 1")), "the run left behind: port 1"),
]


@pytest.mark.parametrize(("breaks", "told"), BREAKS, ids=[told for _, told in BREAKS])
def test_what_breaks_a_promise_is_told(breaks: Callable[[list[Entry]], Any], told: str) -> None:
    ledger = run()
    breaks(ledger.entries)
    assert [each for each in ledger.violations() if told in each] != []


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (failed(1.0), "is lost to a link"),
        (failed(1.0, "ValueError", ""), "failed with ValueError"),
        (failed(1.0, "RpcError", "INTERNAL"), "failed with RpcError INTERNAL"),
        (failed(1.0, "RetriableError", ran=False), "is said not to have run, but has"),
        (failed(1.0, "RpcError", "DEADLINE_EXCEEDED"), "is said to have reached its deadline, but has not"),
        (entry(1.0, "given up", key="a"), "was given up by nobody"),
    ],
)
def test_a_failure_that_should_not_be(end: Entry, told: str) -> None:
    assert told in ending_with(run(), end)[0]


def test_failures_that_may_be() -> None:
    killed = entry(0.15, "killed", "stage", whom="learner", nth=1, former=False)
    lost = entry(0.2, "peer", event="lost", peer="learner")
    assert ending_with(run("kill learner"), killed, lost, failed(1.0)) == []
    assert ending_with(run(kind="stream"), failed(1.0)) == []
    assert ending_with(run(timeout=0.4), failed(0.5, "RpcError", "DEADLINE_EXCEEDED")) == []
    assert ending_with(run("cancel"), entry(0.1, "given up", key="a")) == []
    unasked = run("kill trainer")
    unasked.entries[3:4] = []
    assert unasked.violations() == []
    again = run(kind="again")
    again.entries.append(entry(2, "ran", "learner", key="a", token="t"))
    assert again.violations() == []


def test_a_kill_that_nobody_notices() -> None:
    killed = entry(0.15, "killed", "stage", whom="learner", nth=1, former=False)
    late = entry(3.0, "peer", event="lost", peer="learner")
    assert "did not notice" in ending_with(run("kill learner"), killed, late, failed(1.0))[0]


def test_a_former_learner_that_is_still_called() -> None:
    ledger = run("replace learner")
    ledger.entries.insert(0, entry(-1.0, "woken", "stage", whom="learner", nth=1))
    assert ledger.violations() == ["call a ran on a former start of the learner, which another had replaced"]


def test_a_handler_that_goes_on_when_its_caller_has_given_up() -> None:
    ledger = run("cancel")
    ledger.entries[2]["at"] = 5.0
    assert "its handler went on for 4.90 s" in ending_with(ledger, entry(0.1, "given up", key="a"))[0]


def test_a_seed_makes_one_story() -> None:
    assert story(7) == story(7)
    assert replace(story(7), seed=8) != story(8)


def test_many_seeds_break_everything_at_every_step() -> None:
    acts = [act for seed in range(1000) for act in story(seed).rounds]
    deeds = {act.deed for act in acts} - {"cancel"}
    steps = {act.step for act in acts}
    assert {(act.deed, act.step) for act in acts if act.deed != "cancel"} == {(d, s) for d in deeds for s in steps}
    assert len(deeds) == 10
    assert len(steps) == 5

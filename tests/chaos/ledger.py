"""The ledger of a run: all that its processes said, and what of it breaks a promise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.story import Call, Round, Story

Entry = dict[str, Any]

LATE = 1.0
"""Seconds after its deadline in which a call must have ended."""

SLACK = 1.5
"""Seconds that a machine which plays several stories at once may be late with anything."""

REJOIN = 2.0
"""Seconds in which a peer that is back must answer."""

NOTICED = 0.5
"""Seconds in which a trainer must know that a learner is gone whose connections have closed."""

_ENDS = ("result", "failed", "given up")
_CODES = {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
_BREAKS_LINK = {"cut", "vanish", "half open", "slow"}


@dataclass
class Ledger:
    """What was said in a run, in the order in which it came.

    Attributes:
        story: What was played.
        entries: What was said: `at` (seconds of the machine's clock), `who`, `start`, `what`, and more.
    """

    story: Story
    entries: list[Entry] = field(default_factory=list[Entry])

    def all(self, what: str, **facts: Any) -> list[Entry]:
        """The entries of a sort that have some facts."""
        return [
            each for each in self.entries if each["what"] == what and all(each.get(key) == facts[key] for key in facts)
        ]

    def violations(self) -> list[str]:
        """What breaks a promise, in words; empty for a run that keeps all."""
        return [*self._of_calls(), *self._of_nodes()]

    def outcomes(self) -> Counter[str]:
        """How many calls ended how."""
        ends = (each for each in self.entries if each["what"] in _ENDS)
        return Counter(each["type"] if each["what"] == "failed" else each["what"] for each in ends)

    def _of_calls(self) -> Iterator[str]:
        for act in self.story.rounds:
            for call in act.calls:
                asked = self.all("asked", key=call.key)
                if asked:
                    for problem in self._of_call(call, act, asked[0]):
                        yield f"call {call.key} ({call.kind}, {act.deed} at {act.step}): {problem}"

    def _of_call(self, call: Call, act: Round, asked: Entry) -> Iterator[str]:
        ends = [each for each in self.entries if each["what"] in _ENDS and each["key"] == call.key]
        runs = self.all("ran", key=call.key)
        if not call.may_repeat and len(runs) > 1:
            yield f"ran {len(runs)} times"
        if not ends:
            if act.deed != "kill trainer":
                yield "did not end"
            return
        if len(ends) > 1:
            yield f"ended {len(ends)} times"
        end = ends[0]
        stood_still = act.seconds if act.deed == "stop trainer" else 0.0
        late = end["at"] - asked["at"] - call.timeout - stood_still
        if late > LATE + SLACK:
            yield f"ended {late:.2f} s after its deadline"
        match end["what"]:
            case "result":
                yield from self._of_result(end, runs)
            case "given up":
                yield from self._of_giving_up(call, act, end)
            case _:
                yield from self._of_failure(call, act, end, runs)

    def _of_result(self, end: Entry, runs: list[Entry]) -> Iterator[str]:
        if end["token"] not in {each["token"] for each in runs}:
            yield "has a result that no run of it has given"
        if not end["right"]:
            yield "has a result that is not what its handler gave"

    def _of_giving_up(self, call: Call, act: Round, end: Entry) -> Iterator[str]:
        """Whoever gives a call up ends its handler, but for one that runs in a thread."""
        if act.deed != "cancel" or call is not act.calls[0]:
            yield "was given up by nobody"
            return
        over = {each["token"]: each["at"] for each in (*self.all("cancelled"), *self.all("ended"))}
        for run in self.all("ran", key=call.key):
            late = over.get(run["token"], float("inf")) - end["at"]
            if call.kind != "thread" and late > LATE + SLACK:
                yield f"was given up, but its handler went on for {late:.2f} s"

    def _of_failure(self, call: Call, act: Round, end: Entry, runs: list[Entry]) -> Iterator[str]:
        if end["code"] not in _CODES:
            yield f"failed with {end['type']} {end['code']}: {end['message']}"
        if end["ran"] is False and runs and not call.may_repeat:  # where it may, this tells of the last attempt
            yield f"is said not to have run, but has: {end['message']}"
        if end["code"] == "DEADLINE_EXCEEDED" and end["at"] - self.all("asked", key=call.key)[0]["at"] < call.timeout:
            yield "is said to have reached its deadline, but has not"
        if end["ran"] is not False and self._must_succeed(call, act):
            yield f"is lost to a link: {end['type']} {end['code']}: {end['message']}"

    @staticmethod
    def _must_succeed(call: Call, act: Round) -> bool:
        """Whether nothing excuses a call that fails: its receiver lives, remembers it, and is back in time."""
        whole = act.deed in _BREAKS_LINK | {"stop learner", "stop trainer"}
        return whole and call.kind != "stream" and call.timeout > act.seconds + 3.0

    def _of_nodes(self) -> Iterator[str]:
        for each in self.all("killed", whom="learner"):
            if not (each["former"] or self._noticed(each)):
                yield f"the trainer did not notice within {NOTICED:g} s that the learner was killed"
        for each in self.all("complaint"):
            yield f"{each['who']} logged an error: {each['text']}"
        for each in self.all("did not start"):
            yield f"{each['who']} did not start: {each['message']}"
        for each in self.all("probed"):
            if each["seconds"] is None:
                yield f"the learner did not answer again: {each['failure']}"
            elif each["seconds"] > REJOIN + SLACK:
                yield f"the learner answered again after {each['seconds']:.2f} s"
        for each in self.all("stopped"):
            for what in ("tasks", "files"):
                if each[what]:
                    yield f"{each['who']} left {what} behind: {each[what]}"
        yield from self._of_handlers()
        yield from self._of_former_starts()
        for each in self.all("left"):
            yield f"the run left behind: {each['text']}"

    def _of_former_starts(self) -> Iterator[str]:
        """A learner in whose place another has come gets nothing more, though it goes on."""
        for woken in self.all("woken"):
            later = {each["key"] for each in self.all("asked") if each["at"] > woken["at"]}
            for each in self.all("ran", start=woken["nth"]):
                if each["key"] in later:
                    yield f"call {each['key']} ran on a former start of the learner, which another had replaced"

    def _noticed(self, killed: Entry) -> bool:
        """Whether the trainer has told in time of a learner that was killed, whose connections have closed at once."""
        told = (*self.all("peer", who="trainer", event="lost"), *self.all("peer", who="trainer", event="left"))
        return any(0 <= each["at"] - killed["at"] <= NOTICED + SLACK for each in told)

    def _of_handlers(self) -> Iterator[str]:
        """Each handler has an end, unless its process was killed."""
        over: defaultdict[str, int] = defaultdict(int)
        for each in (*self.all("ended"), *self.all("cancelled")):
            over[each["token"]] += 1
        killed = {(each["whom"], each["nth"]) for each in self.all("killed")}
        for each in self.all("ran"):
            if not over[each["token"]] and (each["who"], each["start"]) not in killed:
                yield f"the handler of call {each['key']} has no end"

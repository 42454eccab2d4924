"""Drawing what goes wrong: the same for the same seed and the same calls, whatever else happens meanwhile."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from random import Random
from typing import NamedTuple

from oiafed_rpc.config.faults import Fault, FaultPlan, Kind, Way
from oiafed_rpc.message import Message

_SYSTEM = "oiafed."


class Injected(NamedTuple):
    """Something that went wrong on purpose.

    Attributes:
        kind: What it was.
        of: Whether it befell a request or a reply.
        target: The id of the node that the call was for.
        method: The method called, as `Message.method` has it.
        number: The how manyth call, or attempt, of that method to that node it was, from 1.
    """

    kind: Kind
    of: Way
    target: str
    method: str
    number: int


class Strike(NamedTuple):
    """One fault of one message.

    Attributes:
        injected: What it is, and where.
        seconds: As drawn; None where the rule has none.
        rate: Bytes a second; 0 where the rule has none.
    """

    injected: Injected
    seconds: float | None
    rate: int


class Fate:
    """What befalls one call."""

    def __init__(self, seed: str, rules: list[_Rule], message: Message, number: int) -> None:
        self._chances = {way: Random(f"{seed} {number} {way}") for way in ("request", "reply")}  # noqa: S311 - no secret
        self._rules = rules
        self._message = message
        self._number = number

    def next(self, way: Way) -> list[Strike]:
        """What befalls the next message on a way: of a stream, each item is one, and the call itself before them."""
        return [strike for rule in self._rules if rule.fault.of == way and (strike := self._strike(rule, way))]

    def _strike(self, rule: _Rule, way: Way) -> Strike | None:
        chances, fault = self._chances[way], rule.fault
        hit, part = chances.random() < fault.chance, chances.random()  # both always: what follows stays as it is
        if not rule.counts(hit):
            return None
        injected = Injected(fault.kind, way, self._message.target, self._message.method, self._number)
        span = fault.span
        return Strike(injected, span and span[0] + part * (span[1] - span[0]), fault.rate or 0)


class Fates:
    """Draws what befalls the calls of a node to one other.

    Args:
        plan: What may go wrong.
        source: The id of the caller.
        target: The id of the node that it calls.
    """

    def __init__(self, plan: FaultPlan, source: str, target: str) -> None:
        self._seed = f"{plan.seed} {source} {target}"
        self._rules = [_Rule(each) for each in plan.rules if _any_like(target, each.targets)]
        self._numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))

    def next(self, message: Message) -> Fate:
        """What befalls a call, or a further attempt of one."""
        method = message.method
        meant = [rule for rule in self._rules if rule.means(message)]
        return Fate(f"{self._seed} {method}", meant, message, next(self._numbers[method]))


class _Rule:
    """A rule, and how often it has been looked at."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._seen = Counter[str]()

    def means(self, message: Message) -> bool:
        spec, patterns = message.spec, self.fault.methods
        if spec is not None and spec.provided:
            patterns = tuple(each for each in patterns if each.startswith(_SYSTEM))
        names = {message.method, spec.name if spec is not None and spec.role else message.method}
        return any(_any_like(name, patterns) for name in names)

    def counts(self, hit: bool) -> bool:
        """Whether a message of its own is struck, as many have been let go by, and struck, before."""
        self._seen["messages"] += 1
        fault = self.fault
        if not hit or self._seen["messages"] <= fault.skip:
            return False
        if fault.times is not None and self._seen["struck"] >= fault.times:
            return False
        self._seen["struck"] += 1
        return True


def _any_like(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)

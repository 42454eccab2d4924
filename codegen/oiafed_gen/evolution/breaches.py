"""What breaks others: each change, whom it breaks, and how it is told."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Iterable

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Location, Severity


class Level(enum.StrEnum):
    """What a change breaks: the bytes between nodes, their JSON form, or Python code that uses what is generated."""

    WIRE = "wire"
    JSON = "json"
    SOURCE = "source"


_WORDS = {Level.WIRE: "wire", Level.JSON: "JSON", Level.SOURCE: "Python"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One thing that a change breaks.

    Attributes:
        code: What kind of change it is.
        level: What it breaks.
        path: The full proto name of what changed: breaches of the same kind there are one to people.
        location: Where it is in the new schema, or what held it.
        message: The change, with how it was and how it is, without an end.
        advice: What to do instead.
        severity: A warning where nothing breaks that was not asked for.
    """

    code: Code
    level: Level
    path: str
    location: Location
    message: str
    advice: str = ""
    severity: Severity = Severity.ERROR


def diagnostics_of(breaches: Iterable[Breach], levels: Collection[Level]) -> tuple[Diagnostic, ...]:
    """Return what is told of the breaches of some levels, sorted by place.

    Of several at one thing, that of the deepest level has the word, and all levels are named.
    """
    groups: dict[tuple[Code, str], list[Breach]] = {}
    for breach in breaches:
        if breach.level in levels:
            groups.setdefault((breach.code, breach.path), []).append(breach)
    return tuple(sorted(map(_diagnostic, groups.values())))


def _diagnostic(group: list[Breach]) -> Diagnostic:
    order = list(Level)
    first = min(group, key=lambda breach: order.index(breach.level))
    broken = ", ".join(_WORDS[level] for level in order if any(breach.level is level for breach in group))
    severity = Severity.ERROR if any(b.severity is Severity.ERROR for b in group) else Severity.WARNING
    advice = f"; {first.advice}" if first.advice else ""
    message = ", and ".join(dict.fromkeys(breach.message for breach in group if breach.level is first.level))
    return Diagnostic(first.location, first.code, f"{message} ({broken}){advice}", severity)

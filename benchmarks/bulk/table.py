"""What has been measured, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmarks.bulk.contenders import ENTRIES
from benchmarks.bulk.goals import Verdict
from benchmarks.bulk.results import Part, Series, ratios, spread

_REFERENCE = "raw-tcp"
_RELATIVE = ("seconds", "cpu seconds")


def _amount(one: Series, value: float) -> str:
    return f"{value:,.1f} MB" if one.unit.startswith("MB") else f"{value * 1000:,.2f} ms"


def _rate(one: Series, seconds: float) -> str:
    return f"{one.size / 1000 / seconds:.2f} GB/s" if one.size and one.unit == "seconds" else ""


def _notes(one: Series) -> str:
    gain = f", {one.gain:.2f} times smaller" if one.gain and one.gain > 1.005 else ""
    return f"  [{one.lane}{gain}]" if one.lane else ""


def _row(one: Series, reference: Series | None) -> str:
    title = f"  {ENTRIES[one.contender].title:<28}"
    if one.failed:
        return f"{title} none: {one.failed[:160]}"
    it = spread(one.values)
    text = f"{title}{_amount(one, it.median):>14}  {_rate(one, it.median):>10}"
    if reference is not None and reference.values and reference is not one and one.unit in _RELATIVE:
        ratio = ratios(one.values, reference.values)
        text += f"  {ratio.median:>6.2f} x raw TCP's time ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"{text}{_notes(one)}".rstrip()


def lines(name: str, part: Part) -> Iterator[str]:
    """A part, line by line. Ratios are those of the times, of the same round each."""
    yield f"\n{name}: {part.took:.0f} s, load {part.load:.1f} before"
    for size, unit in dict.fromkeys((one.size, one.unit) for one in part.series):
        yield f" {f'{size} MB' if size else 'small call'}, {unit}"
        those = [one for one in part.series if (one.size, one.unit) == (size, unit)]
        reference = next((one for one in those if one.contender == _REFERENCE), None)
        yield from (_row(one, reference) for one in those)


def goals(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """The goals, line by line."""
    yield "\nto reach"
    for it in verdicts:
        yield f"  {it.work:<58} {it.goal:<18} {it.measured:<24} {'met' if it.met else 'NOT met'}"

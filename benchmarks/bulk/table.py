"""What has been measured, for people."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bulk.contenders import ENTRIES
from benchmarks.bulk.results import Part, Series, ratios, spread

_REFERENCE = "raw-tcp"


def _amount(one: Series, value: float) -> str:
    if one.unit == "megabytes":
        return f"{value:,.1f} MB"
    return f"{value * 1000:,.2f} ms" if one.unit == "seconds" else f"{value * 1000:,.1f} ms CPU"


def _rate(one: Series, seconds: float) -> str:
    return f"{one.size / 1000 / seconds:.2f} GB/s" if one.size and one.unit == "seconds" else ""


def _row(one: Series, reference: Series | None) -> str:
    title = f"  {ENTRIES[one.contender].title:<26}"
    if one.failed:
        return f"{title} — {one.failed[:120]}"
    it = spread(one.values)
    text = f"{title}{_amount(one, it.median):>16}  {_rate(one, it.median):>10}"
    if reference is not None and reference.values and reference is not one:
        ratio = ratios(reference.values, one.values)
        text += f"  {ratio.median:>6.2f} x raw TCP ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"{text}  {f'[{one.lane}]' if one.lane else ''}".rstrip()


def lines(name: str, part: Part) -> Iterator[str]:
    """A part, line by line. Ratios are of speed: more is better."""
    yield f"{name}: {part.took:.0f} s, load {part.load:.1f} before"
    for size, unit in dict.fromkeys((one.size, one.unit) for one in part.series if not one.failed):
        yield f" {f'{size} MB' if size else 'small call'}, {unit}"
        those = [one for one in part.series if (one.size, one.unit) == (size, unit)]
        reference = next((one for one in those if one.contender == _REFERENCE), None)
        yield from (_row(one, reference) for one in those)

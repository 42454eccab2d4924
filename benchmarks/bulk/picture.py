"""The results as a picture: speeds of one size in bars, and the goals with how far they are reached."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from benchmarks.bulk.contenders import ENTRIES
from benchmarks.bulk.goals import Verdict, verdicts
from benchmarks.bulk.results import Results, Series, Spread, spread

_WIDTH = 960
_LEFT = 220
_RIGHT = 200
_ROW = 20
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.head { font-weight: 600; font-size: 14px }
.quiet { fill: #57606a }
.ours { fill: #0969da } .other { fill: #8c959f } .met { fill: #1a7f37 } .missed { fill: #bc4c00 }
line { stroke: #57606a }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .ours { fill: #4493f8 } .other { fill: #6e7681 } .met { fill: #3fb950 } .missed { fill: #db6d28 }
  line { stroke: #9198a1 }
}
"""


class _Bar(NamedTuple):
    """A bar of a panel: its title, how long it is, from where to where it spreads, what is written behind it.

    `place` is where that is written, or right behind the bar.
    """

    title: str
    value: Spread
    text: str
    style: str
    place: float = 0.0


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, x2: float, y1: float, y2: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="3 3"' if dashed else ""
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"{dash}/>'


def _draw_bar(bar: _Bar, y: float, scale: float, left: float) -> Iterator[str]:
    start, middle = left + 8, y + _ROW / 2
    length = bar.value.median * scale
    yield _text(left, middle + 4, bar.title, anchor="end")
    yield f'<rect x="{start}" y="{y + 3}" width="{length:.1f}" height="{_ROW - 6}" class="{bar.style}" rx="2"/>'
    yield _line(start + bar.value.low * scale, start + bar.value.high * scale, middle, middle)
    behind = start + max(length, bar.value.high * scale) + 6
    yield _text(bar.place or behind, middle + 4, bar.text, "quiet")


def _speeds(part: Sequence[Series], size: int) -> list[_Bar]:
    bars: list[_Bar] = []
    for one in part:
        if (one.size, one.unit) != (size, "seconds"):
            continue
        title = ENTRIES[one.contender].title
        if one.failed or not one.values:
            bars.append(_Bar(title, Spread(0, 0, 0), f"none: {one.failed[:70]}", "other"))
            continue
        it = spread([size / 1000 / value for value in one.values])
        bars.append(_Bar(title, it, f"{it.median:.2f} GB/s", "ours" if title.startswith("ours") else "other"))
    return bars


def _panel(head: str, bars: Sequence[_Bar], y: float) -> tuple[list[str], float]:
    """A panel from a height on; returns what it is, and where it ends."""
    longest = max((bar.value.high for bar in bars), default=0.0) or 1.0
    scale = (_WIDTH - _LEFT - _RIGHT) / longest
    parts = [_text(16, y + 16, head, "head")]
    y += 26
    for bar in bars:
        parts += _draw_bar(bar, y, scale, _LEFT)
        y += _ROW
    return parts, y + 14


def _goals(judged: Sequence[Verdict], y: float) -> tuple[list[str], float]:
    """The goals from a height on, each as far as it is reached on a scale that the goal is one of."""
    names, scale = 380.0, 110.0
    parts = [_text(16, y + 16, "Goals: how many times better than the goal, which is the dashed line", "head")]
    top, written = y + 26, names + 2 * scale + 20
    y = top
    for it in judged:
        reached = [_better(it, value) for value in (it.median, it.low, it.high)]
        value = Spread(reached[0], min(reached), max(reached))
        text = f"{it.measured}, to be {it.goal}"
        parts += _draw_bar(_Bar(it.work, value, text, "met" if it.met else "missed", written), y, scale, names)
        y += _ROW
    parts.append(_line(names + 8 + scale, names + 8 + scale, top, y, dashed=True))
    return parts, y + 14


def _better(it: Verdict, value: float) -> float:
    """How many times better than the goal, at most two."""
    most = it.goal.startswith("≤")
    if value <= 0:
        return 2.0 if most else 0.0
    return min(2.0, it.bound / value if most else value / it.bound)


def draw(results: Results) -> str:
    """The picture, as SVG."""
    parts: list[str] = []
    y = 12.0
    for name, head in (("one-way", "one way"), ("both-ways", "there and back")):
        for size in (1, 10, 100, 1000):
            bars = _speeds(results.parts[name].series, size) if name in results.parts else []
            if bars:
                more, y = _panel(f"{size} MB {head}", bars, y)
                parts += more
    judged = verdicts(results)
    if judged:
        more, y = _goals(judged, y)
        parts += more
    parts.append(_text(16, y + 8, ", ".join(f"{key} {value}" for key, value in results.machine.items()), "quiet"))
    height = math.ceil(y + 24)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])

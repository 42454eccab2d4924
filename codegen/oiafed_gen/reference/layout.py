"""Drawing a directed graph in columns: callers left of whom they call, as few crossings as some passes find.

The steps are those of Sugiyama's method. Everything is decided by the names and sizes given, so the same graph always
gets the same drawing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

Edge = tuple[str, str]

_SPACE = 18
"""Between boxes of one column."""
_BETWEEN = 30
"""Between what is not joined."""
_LANE = 6
"""The height of an edge that passes through a column."""
_PASSES = 12
_MOST_LANES = 2000


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """A box's width and height."""

    width: int
    height: int


@dataclasses.dataclass(frozen=True, slots=True)
class Lane:
    """Where an edge crosses a column: from `left` to `right` at the height `y`."""

    left: int
    right: int
    y: int


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """A drawing.

    Attributes:
        places: The left upper corner of each box.
        lanes: The columns that each edge crosses between its two boxes, in its direction.
        size: The size of the whole.
    """

    places: Mapping[str, tuple[int, int]]
    lanes: Mapping[Edge, tuple[Lane, ...]]
    size: Size


def arrange(sizes: Mapping[str, Size], edges: Sequence[Edge], gap: int) -> Layout | None:
    """Return a drawing of the boxes `sizes`, or None where it would be a tangle that nobody could follow.

    Args:
        sizes: The boxes by name.
        edges: What joins them; those from a box to itself need no place.
        gap: What parts the columns.
    """
    real = [edge for edge in edges if edge[0] != edge[1]]
    drawn: list[Layout] = []
    for names in _parts(sizes, real):
        part = [edge for edge in real if edge[0] in names]
        ranks = _ranks(names, _without_cycles(names, part))
        if sum(abs(ranks[target] - ranks[source]) - 1 for source, target in part) > _MOST_LANES:
            return None
        drawn.append(_Drawing({name: sizes[name] for name in names}, part, ranks).layout(gap))
    return _stacked(drawn)


def _parts(names: Iterable[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Return the names that are joined somehow, together and sorted, the largest parts first."""
    part_of = {name: [name] for name in names}
    for one, other in edges:
        if part_of[one] is not part_of[other]:
            part_of[one] += part_of[other]
            part_of.update(dict.fromkeys(part_of[other], part_of[one]))
    parts = {id(part): sorted(part) for part in part_of.values()}
    return sorted(parts.values(), key=lambda part: (-len(part), part))


def _stacked(parts: Sequence[Layout]) -> Layout:
    """Return drawings as one, each below the one before."""
    places: dict[str, tuple[int, int]] = {}
    lanes: dict[Edge, tuple[Lane, ...]] = {}
    top = 0
    for part in parts:
        places |= {name: (x, y + top) for name, (x, y) in part.places.items()}
        lanes |= {e: tuple(Lane(lane.left, lane.right, lane.y + top) for lane in ls) for e, ls in part.lanes.items()}
        top += part.size.height + _BETWEEN
    return Layout(places, lanes, Size(max((p.size.width for p in parts), default=0), max(0, top - _BETWEEN)))


def _without_cycles(names: Iterable[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges with some of them turned round, so that they form no circle."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        targets[source].append(target)
    called = {target for _, target in edges}
    done: set[str] = set()
    turned: set[Edge] = set()
    for start in sorted(targets, key=lambda name: (name in called, name)):
        turned |= _closing(start, targets, done)
    return [(b, a) if (a, b) in turned else (a, b) for a, b in edges]


def _closing(start: str, targets: Mapping[str, Sequence[str]], done: set[str]) -> set[Edge]:
    """Return the edges that lead back to where a search from `start` has come from; add what it has seen to `done`."""
    closing: set[Edge] = set()
    path: dict[str, int] = {} if start in done else {start: 0}
    while path:
        name, position = path.popitem()
        if position == len(targets[name]):
            done.add(name)
            continue
        path[name] = position + 1
        target = targets[name][position]
        if target in path:
            closing.add((name, target))
        elif target not in done:
            path[target] = 0
    return closing


def _ranks(names: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return each box's column: right of all that lead to it, and no farther left of what it leads to than need be."""
    ranks = dict.fromkeys(names, 0)
    for _ in ranks:  # no path is longer
        moved = {(a, b) for a, b in edges if ranks[b] <= ranks[a]}
        if not moved:
            break
        for source, target in sorted(moved):
            ranks[target] = max(ranks[target], ranks[source] + 1)
    led_to = {target for _, target in edges}
    for name in ranks.keys() - led_to:
        ranks[name] = min((ranks[target] - 1 for source, target in edges if source == name), default=0)
    return ranks


class _Drawing:
    """Boxes and the lanes of long edges, as nodes in columns."""

    def __init__(self, sizes: Mapping[str, Size], edges: Sequence[Edge], ranks: Mapping[str, int]) -> None:
        self._sizes = sizes
        self._chains = {edge: _chain(edge, ranks) for edge in edges}
        self._columns: list[list[str]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
        for name in sorted(ranks):
            self._columns[ranks[name]].append(name)
        for (source, target), chain in self._chains.items():
            step = 1 if ranks[source] < ranks[target] else -1
            for position, node in enumerate(chain[1:-1], 1):
                self._columns[ranks[source] + step * position].append(node)
        self._beside: dict[str, list[str]] = {node: [] for column in self._columns for node in column}
        for chain in self._chains.values():
            for first, second in pairwise(chain):
                self._beside[first].append(second)
                self._beside[second].append(first)

    def layout(self, gap: int) -> Layout:
        """Return the drawing."""
        self._order()
        tops = self._tops()
        lefts, width = self._lefts(gap)
        column_of = {node: number for number, column in enumerate(self._columns) for node in column}
        places = {name: (lefts[column_of[name]], round(tops[name])) for name in self._sizes}
        lanes = {
            edge: tuple(self._lane(column_of[node], tops[node], lefts) for node in chain[1:-1])
            for edge, chain in self._chains.items()
        }
        height = max((round(tops[node]) + self._height(node) for node in tops), default=0)
        return Layout(places, lanes, Size(width, height))

    def _lane(self, column: int, top: float, lefts: Sequence[int]) -> Lane:
        return Lane(lefts[column], lefts[column] + self._width(column), round(top) + _LANE // 2)

    def _lefts(self, gap: int) -> tuple[list[int], int]:
        """Return where each column begins, and the width of all."""
        lefts: list[int] = []
        left = 0
        for column in range(len(self._columns)):
            lefts.append(left)
            left += self._width(column) + gap
        return lefts, left - gap

    def _width(self, column: int) -> int:
        return max((self._sizes[node].width for node in self._columns[column] if node in self._sizes), default=0)

    def _height(self, node: str) -> int:
        return self._sizes[node].height if node in self._sizes else _LANE

    def _passes(self) -> Iterator[list[str]]:
        """Yield the columns from left to right, from right to left, and so on."""
        for turn in range(_PASSES):
            yield from self._columns if turn % 2 == 0 else reversed(self._columns)

    def _order(self) -> None:
        """Sort each column by where the nodes are that its own are joined to."""
        place = {node: index / len(column) for column in self._columns for index, node in enumerate(column)}
        for column in self._passes():
            wanted = {node: _mean([place[other] for other in self._beside[node]], place[node]) for node in column}
            column.sort(key=lambda node: (wanted[node], node))
            place |= {node: index / len(column) for index, node in enumerate(column)}

    def _tops(self) -> dict[str, float]:
        """Return where each node begins, so that edges are as level as room allows."""
        half = {node: self._height(node) / 2 for node in self._beside}
        tops: dict[str, float] = {}
        for column in self._columns:
            tops |= self._spread(column, dict.fromkeys(column, 0.0))
        for column in self._passes():
            middles = {n: _mean([tops[o] + half[o] for o in self._beside[n]], tops[n] + half[n]) for n in column}
            tops |= self._spread(column, {node: middle - half[node] for node, middle in middles.items()})
        highest = min(tops.values(), default=0.0)
        return {node: top - highest for node, top in tops.items()}

    def _spread(self, column: Sequence[str], wanted: Mapping[str, float]) -> dict[str, float]:
        """Return tops near those wanted with room between: the mean of pushing down and of pushing up."""
        down: dict[str, float] = {}
        edge = float("-inf")
        for node in column:
            down[node] = max(wanted[node], edge)
            edge = down[node] + self._height(node) + _SPACE
        up: dict[str, float] = {}
        edge = float("inf")
        for node in reversed(column):
            up[node] = min(wanted[node], edge - self._height(node))
            edge = up[node] - _SPACE
        return {node: (down[node] + up[node]) / 2 for node in column}


def _chain(edge: Edge, ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Return an edge's boxes with a name for each lane between; no box has such a name."""
    source, target = edge
    between = abs(ranks[target] - ranks[source]) - 1
    return (source, *(f"{source}>{target}>{number}" for number in range(between)), target)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise

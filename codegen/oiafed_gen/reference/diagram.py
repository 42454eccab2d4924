"""The diagram of who calls whom: each role a box with its methods, and arrows to them from the roles that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from oiafed_gen.reference.calls import Calls, Group
from oiafed_gen.reference.diagram_views import Arrow, Box, Diagram, Drawing, Row, Text
from oiafed_gen.reference.layout import Lane, Layout, Size, arrange
from oiafed_gen.reference.views import Link

_HEAD = 34
_ROW = 22
_FOOT = 8
_GAP = 72
_EDGE = 6
_OPEN = 34
"""Left of boxes, for the arrows of those who are not in the diagram."""
_SELF = 34
"""Right of boxes, for calls of a role to itself."""
_LETTER = 7.3
"""The width of a letter of a method's name in the style sheet's type, rounded up; roles' names are a little wider."""
_WIDEST = 34
_WRAP = 760

_DRAWN = "An arrow leads from a role to the methods that name it as a caller, a dashed one to those open to all."
_NOT_DRAWN = "There are too many calls to draw; this table has them all."


def diagram(calls: Calls, address: Callable[[str, str], str], name: str) -> Diagram:
    """Return the diagram of `calls`.

    Args:
        calls: Who calls whom.
        address: Returns where a role is described, or a method of it, or "" where it is not.
        name: What the diagram is of, for its title.
    """
    sizes = {role: _size(role, groups) for role, groups in calls.groups.items()}
    joined = {role for edge in calls.edges for role in edge if edge[0] != edge[1]}
    layout = arrange({role: sizes[role] for role in sizes if role in joined}, calls.edges, _GAP)
    return Diagram(
        id="the-calls",
        title=name,
        drawings=(_Drawing(calls, address, sizes, layout).view(),) if layout else (),
        caption=_DRAWN if layout else _NOT_DRAWN,
        table={} if layout else {"open": ""},
        rows=tuple(_rows(calls, address)),
    )


class _Drawing:
    def __init__(
        self, calls: Calls, address: Callable[[str, str], str], sizes: Mapping[str, Size], layout: Layout
    ) -> None:
        self._calls = calls
        self._address = address
        self._sizes = sizes
        self._layout = layout
        self._alone = {role: size for role, size in sizes.items() if role not in layout.places}
        first = [role for role, (x, _) in layout.places.items() if x == 0]
        self._left = _OPEN if self._alone or any(_is_open(calls.groups[role]) for role in first) else _EDGE
        self._places = {role: (x + self._left, y + _EDGE) for role, (x, y) in layout.places.items()}
        self._place_alone()

    def view(self) -> Drawing:
        """Return the whole drawing."""
        right = max((x + self._reach(role) for role, (x, _) in self._places.items()), default=0)
        bottom = max((y + self._sizes[role].height for role, (_, y) in self._places.items()), default=0)
        return Drawing(
            width=right + _EDGE,
            height=bottom + _EDGE,
            description=" ".join(_sentences(self._calls)),
            boxes=tuple(self._box(role, groups) for role, groups in self._calls.groups.items()),
            arrows=tuple(self._arrows()),
        )

    def _place_alone(self) -> None:
        """Put the roles that are joined to no other below the rest, in lines and columns of one width."""
        if not self._alone:
            return
        step = max(map(self._reach, self._alone)) + _OPEN + _EDGE
        across = max(1, max(_WRAP, self._layout.size.width) // step)
        top = _EDGE + (self._layout.size.height + _ROW if self._layout.places else 0)
        names = list(self._alone)
        for start in range(0, len(names), across):
            line = names[start : start + across]
            for number, role in enumerate(line):
                self._places[role] = (self._left + number * step, top)
            top += max(self._alone[role].height for role in line) + _ROW

    def _reach(self, role: str) -> int:
        """Return the width of a box with what is drawn right of it."""
        calls_itself = (role, role) in self._calls.edges
        return self._sizes[role].width + (_SELF if calls_itself else 0)

    def _box(self, role: str, groups: Sequence[Group]) -> Box:
        x, y = self._places[role]
        size = self._sizes[role]
        address = self._address(role, "")
        methods = ", ".join(method for group in groups for method in group.methods)
        return Box(
            x=x,
            y=y,
            width=size.width,
            height=size.height,
            look="role" if address else "role outside",
            title=f"{role}: {methods}" if methods else f"{role} only calls",
            name=Text(_short(role), x + 14, y + 22),
            rows=tuple(Text(_listed(g.methods), x + 14, self._row(role, n) + 4) for n, g in enumerate(groups)),
            link={"href": address, "tabindex": "-1"} if address else {},
        )

    def _row(self, role: str, number: int) -> int:
        """Return the height at which arrows meet a group of methods."""
        return self._places[role][1] + _HEAD + _ROW * number + _ROW // 2

    def _arrows(self) -> Iterator[Arrow]:
        for role, groups in self._calls.groups.items():
            for number, group in enumerate(groups):
                y = self._row(role, number)
                if not group.callers:
                    yield self._open(role, group, y)
                for caller in group.callers:
                    yield self._arrow(caller, role, group, y)

    def _open(self, role: str, group: Group, y: int) -> Arrow:
        x = self._places[role][0]
        title = f"any role calls {role}: {', '.join(group.methods)}"
        return Arrow(path=f"M{x - 30} {y}H{x - 7}", head=_head(x, y, 1), look="call open", title=title)

    def _arrow(self, caller: str, role: str, group: Group, y: int) -> Arrow:
        title = f"{caller} calls {role}: {', '.join(group.methods)}"
        start_x, start_y = self._places[caller]
        x = self._places[role][0]
        out = start_y + _HEAD // 2
        right = start_x + self._sizes[caller].width
        if caller == role:
            path = f"M{right} {out}C{right + 36} {out} {right + 36} {y} {right + 7} {y}"
            return Arrow(path=path, head=_head(right, y, -1), look="call self", title=title)
        lanes = [
            Lane(lane.left + self._left, lane.right + self._left, lane.y + _EDGE)
            for lane in self._layout.lanes[caller, role]
        ]
        if start_x < x:
            return Arrow(path=_path((right, out), lanes, (x - 7, y)), head=_head(x, y, 1), look="call", title=title)
        end = x + self._sizes[role].width
        turned = [Lane(lane.right, lane.left, lane.y) for lane in lanes]
        path = _path((start_x, out), turned, (end + 7, y))
        return Arrow(path=path, head=_head(end, y, -1), look="call back", title=title)


def _rows(calls: Calls, address: Callable[[str, str], str]) -> Iterator[Row]:
    for role, groups in calls.groups.items():
        for group in groups:
            callers = tuple(Link(caller, address(caller, "")) for caller in group.callers)
            yield Row(
                callers=callers or (Link("any role", ""),),
                role=Link(role, address(role, "")),
                methods=tuple(Link(method, address(role, method)) for method in group.methods),
            )


def _size(role: str, groups: Sequence[Group]) -> Size:
    texts = [_listed(group.methods) for group in groups]
    letters = max([len(_short(role)) * 1.15, *(len(text) for text in texts)])
    foot = _FOOT if groups else 0
    return Size(max(96, int(letters * _LETTER) + 28), _HEAD + _ROW * len(groups) + foot)


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _listed(methods: Sequence[str]) -> str:
    """Return methods in a line, with the number of those for which there is no room."""
    line = ", ".join(methods)
    kept = len(methods)
    while len(line) > _WIDEST and kept > 1:
        kept -= 1
        line = f"{', '.join(methods[:kept])} +{len(methods) - kept}"
    return _short(line)


def _path(start: tuple[int, int], lanes: Sequence[Lane], end: tuple[int, int]) -> str:
    """Return a line that leaves and enters boxes and columns level, and bends between them."""
    x, y = start
    path = f"M{x} {y}"
    for lane in lanes:
        path += f"{_bend(x, y, lane.left, lane.y)}H{lane.right}"
        x, y = lane.right, lane.y
    return path + _bend(x, y, *end)


def _bend(x: int, y: int, to_x: int, to_y: int) -> str:
    middle = (x + to_x) // 2
    return f"C{middle} {y} {middle} {to_y} {to_x} {to_y}"


def _head(x: int, y: int, way: int) -> str:
    """Return an arrow's head that points right, or left where `way` is -1."""
    return f"M{x} {y}l{-9 * way} -4.5v9z"


def _is_open(groups: Sequence[Group]) -> bool:
    return any(not group.callers for group in groups)


def _sentences(calls: Calls) -> Iterator[str]:
    """Yield the diagram in words, short enough to listen to; the table has all of it."""
    edges = calls.edges
    names = ", ".join(calls.groups)
    yield f"{len(calls.groups)} roles: {names}." if len(calls.groups) > 1 else f"One role: {names}."
    if len(edges) > 12:
        yield f"{len(edges)} arrows from callers to roles; the table has them all."
        return
    for caller, role in edges:
        yield f"{caller} calls {role}: {', '.join(calls.methods(caller, role))}."

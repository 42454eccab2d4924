"""Where the diagram puts its boxes and arrows."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from oiafed_gen.reference.calls import Calls, Group
from oiafed_gen.reference.diagram import diagram
from oiafed_gen.reference.layout import Edge, Layout, Size, arrange

NAMES = [f"n{number}" for number in range(9)]
EDGES = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), unique=True, max_size=24)


def _arrange(sizes: dict[str, Size], edges: list[Edge]) -> Layout:
    layout = arrange(sizes, edges, 60)
    assert layout
    return layout


@given(EDGES, st.lists(st.integers(20, 120), min_size=9, max_size=9))
def test_boxes_and_lanes_are_apart(edges: list[Edge], heights: list[int]) -> None:
    sizes = {name: Size(100, height) for name, height in zip(NAMES, heights, strict=True)}
    layout = _arrange(sizes, edges)
    areas = [(x, y, x + sizes[name].width, y + sizes[name].height) for name, (x, y) in layout.places.items()]
    areas += [(lane.left, lane.y, lane.right, lane.y) for lanes in layout.lanes.values() for lane in lanes]
    for one, other in combinations(areas, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] < other[1] or other[3] < one[1], (one, other)
    for left, top, right, bottom in areas:
        assert left >= 0
        assert top >= 0
        assert right <= layout.size.width
        assert bottom <= layout.size.height


@given(EDGES)
def test_no_edge_stays_in_its_column_and_lanes_lead_on(edges: list[Edge]) -> None:
    layout = _arrange({name: Size(80, 40) for name in NAMES}, edges)
    assert set(layout.lanes) == {edge for edge in edges if edge[0] != edge[1]}
    for (source, target), lanes in layout.lanes.items():
        lefts = [layout.places[source][0], *(lane.left for lane in lanes), layout.places[target][0]]
        assert lefts in (sorted(set(lefts)), sorted(set(lefts), reverse=True))


def test_callers_are_left_of_whom_they_call() -> None:
    layout = _arrange({name: Size(80, 40) for name in "abc"}, [("b", "c"), ("a", "b"), ("a", "c")])
    assert layout.places["a"][0] < layout.places["b"][0] < layout.places["c"][0]
    assert len(layout.lanes["a", "c"]) == 1
    assert layout.lanes["a", "b"] == ()


def test_nothing_is_drawn_of_nothing() -> None:
    assert _arrange({}, []).size.height == 0


def _diagram(groups: dict[str, tuple[Group, ...]]) -> list[str]:
    (view,) = diagram(Calls(groups), lambda role, method: f"{role}#{method}", "Calls").drawings
    for box in view.boxes:
        assert box.x >= 0
        assert box.x + box.width <= view.width
        assert box.y + box.height <= view.height
        for row in (box.name, *box.rows):
            assert box.x < row.x
            assert box.y < row.y < box.y + box.height
    for one, other in combinations(view.boxes, 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart_x or one.y + one.height <= other.y or other.y + other.height <= one.y
    return [arrow.title for arrow in view.arrows]


def test_one_role_is_open_to_all() -> None:
    assert _diagram({"a": (Group((), ("x", "y")),)}) == ["any role calls a: x, y"]


def test_a_role_that_calls_itself_and_two_that_call_each_other() -> None:
    titles = _diagram({"a": (Group(("a", "b"), ("x",)),), "b": (Group(("a",), ("y",)),)})
    assert titles == ["a calls a: x", "b calls a: x", "a calls b: y"]


def test_a_coordinator_and_forty_workers_that_answer_it() -> None:
    workers = tuple(f"worker_{number:02}" for number in range(40))
    many = tuple(f"method_{n}" for n in range(30))
    titles = _diagram({"hub": (Group(workers, many),), **{w: (Group(("hub",), ("run",)),) for w in workers}})
    assert len(titles) == 80


def test_what_nobody_could_follow_is_not_drawn() -> None:
    names = tuple(f"role_{number:02}" for number in range(40))
    view = diagram(Calls({name: (Group(names, ("x",)),) for name in names}), lambda role, _: role, "Calls")
    assert view.drawings == ()
    assert "too many" in view.caption
    assert view.table == {"open": ""}
    assert len(view.rows) == 40


def test_forty_roles_that_call_nobody_stand_in_lines() -> None:
    groups = {f"role_{n:02}": (Group((), ("x",)),) for n in range(40)}
    (view,) = diagram(Calls(groups), lambda role, _: role, "Calls").drawings
    assert len({box.x for box in view.boxes}) > 3
    assert view.width <= 860

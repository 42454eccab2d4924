"""Circles in directed graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def cycles(edges: Mapping[str, set[str]]) -> Iterator[set[str]]:
    """Yield the sets of names that reach one another (Tarjan's algorithm, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    for root in edges:
        work = [] if root in index else [(root, iter(sorted(edges[root])))]
        while work:
            name, ahead = work[-1]
            if name not in index:
                index[name] = low[name] = len(index)
                stack.append(name)
            target = next(ahead, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    yield from _component(name, stack, edges, low)
            elif target not in index:
                work.append((target, iter(sorted(edges[target]))))
            else:
                low[name] = min(low[name], low[target] if target in stack else low[name])


def _component(name: str, stack: list[str], edges: Mapping[str, set[str]], low: dict[str, int]) -> Iterator[set[str]]:
    members = set(stack[stack.index(name) :])
    del stack[stack.index(name) :]
    for member in members:
        low[member] = len(edges) + 1
    if len(members) > 1 or name in edges[name]:
        yield members

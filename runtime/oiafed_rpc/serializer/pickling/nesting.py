"""How deep a value is nested: what is too deep can't be printed, compared or sent on."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Iterable, Iterator
from types import NoneType
from typing import Any, cast

import numpy as np

from oiafed_rpc.records import Record
from oiafed_rpc.serializer.base import SerializerError
from oiafed_rpc.steps import are_of

MAX_NESTING = 200

_ATOMS: frozenset[type[Any]] = frozenset(
    {NoneType, bool, int, float, complex, str, bytes, bytearray, np.ndarray, np.float32, np.float64, np.int64}
)


def check_nesting(root: object) -> None:
    """See whether containers lie within containers at most 200 levels deep; a container in itself is no further level.

    Raises:
        SerializerError: where they do not.
    """
    if type(root) in _ATOMS:
        return
    heights: dict[int, int] = {id(root): 0}
    path: list[tuple[object, Iterator[object]]] = [(root, iter(_inner(root)))]
    while path:
        node, rest = path[-1]
        for child in rest:
            height = heights.get(id(child))
            if len(path) + (height or 1) > MAX_NESTING:
                raise SerializerError(f"values nested deeper than {MAX_NESTING} levels are refused")
            if height is None:
                heights[id(child)] = 0
                path.append((child, iter(_inner(child))))
                break
            heights[id(node)] = max(heights[id(node)], height)
        else:
            path.pop()
            heights[id(node)] += 1
            if path:
                above = id(path[-1][0])
                heights[above] = max(heights[above], heights[id(node)])


def _inner(value: object) -> Iterable[object]:
    """The containers right within a container."""
    kind = type(value)
    if kind is dict or kind is collections.OrderedDict:
        mapping = cast("dict[object, object]", value)
        return [*_containers(mapping.values()), *_containers(mapping)]
    if kind in {list, tuple, set, frozenset}:
        return _containers(cast("Collection[object]", value))
    if isinstance(value, Record):
        fields = dataclasses.fields(cast("Any", value))
        return _containers([getattr(value, field.name) for field in fields])
    return ()


def _containers(values: Collection[object]) -> Iterable[object]:
    if are_of(_ATOMS, values):
        return ()
    return [value for value in values if type(value) not in _ATOMS]

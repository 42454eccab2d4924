"""How much a payload is once it is a message: a pickle may hold one value in many places, a message has each anew."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from types import NoneType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.shadowed import byte_size
from oiafed_rpc.records import Record
from oiafed_rpc.serializer.base import kind_of
from oiafed_rpc.steps import are_of

P = ParamSpec("P")
T = TypeVar("T")

_FACTOR = 64
_SLACK = 1 << 20
_ITEM = 16
_SMALL: frozenset[type[Any]] = frozenset({NoneType, bool, int, float, complex, np.ndarray})
_SIZED: frozenset[type[Any]] = frozenset({str, bytes, bytearray})
_LISTS: frozenset[type[Any]] = frozenset({list, tuple, set, frozenset})


def check_sharing(payload: object) -> None:
    """See whether a payload written out in full is at most 64 times what it is with shared values counted once.

    Raises:
        FieldError: where it is more.
    """
    scale = _Scale()
    whole = scale.weigh(payload)
    if whole > _FACTOR * scale.once + _SLACK:
        raise FieldError("", "the values in it are shared so often that they would fill the memory: refused")


def weight(value: object) -> int:
    """How many bytes a value takes, roughly, written out in full."""
    return _Scale().weigh(value)


class _Scale:
    """Weighs values in bytes, roughly; `once` has the weight of all that it has seen, each counted once."""

    def __init__(self) -> None:
        self.once = 0
        self._weights: dict[int, int] = {}

    def weigh(self, value: object) -> int:
        """The weight of a value written out in full."""
        if type(value) in _SMALL:
            return _ITEM
        key = id(value)
        if key in self._weights:
            return _ITEM + self._weights[key]
        self._weights[key] = 0  # of what holds itself; where that matters, its depth is told
        own, inner = _content(value)
        self.once += own
        weight = own + sum(map(self.weigh, inner))
        self._weights[key] = weight
        return weight


def holds(value: object, kind: type[Any], seen: set[int] | None = None) -> bool:
    """Whether a value of a kind lies in another, however deep."""
    seen = set() if seen is None else seen
    if isinstance(value, kind):
        return True
    if id(value) in seen:
        return False
    seen.add(id(value))
    return any(holds(inner, kind, seen) for inner in _content(value)[1])


def _content(value: Any) -> tuple[int, Iterable[object]]:
    """The weight of a value itself, and the values right within it that are not small."""
    kind = kind_of(value)
    if kind in _SIZED:
        return _ITEM + len(value), ()
    if issubclass(kind, ProtoMessage):
        return _ITEM + byte_size(value), ()
    if issubclass(kind, dict):
        items: list[Any] = [*value, *value.values()]
    elif kind in _LISTS:
        items = value if kind is list else [*value]
    elif isinstance(value, Record):
        items = [getattr(value, field.name) for field in dataclasses.fields(cast("Any", value))]
    else:
        return _ITEM, ()
    own = _ITEM * (1 + len(items))
    if are_of(_SMALL, items):
        return own, ()
    return own, [item for item in items if type(item) not in _SMALL]


def depth_told(function: Callable[P, T]) -> Callable[P, T]:
    """Make a FieldError of what is nested too deeply for Python to follow."""

    @functools.wraps(function)
    def told(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except RecursionError:
            raise FieldError("", "values nested too deeply") from None

    return told

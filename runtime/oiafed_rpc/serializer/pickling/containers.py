"""The opcodes of the stack, the memo and the containers."""

from __future__ import annotations

import collections
from types import ModuleType
from typing import Any

import numpy as np

from oiafed_rpc.serializer.base import SerializerError, kind_of
from oiafed_rpc.serializer.pickling.machine import Machine, Opcodes

MAX_MARKS = 1000

CONTAINERS = Opcodes()


@CONTAINERS.on(b"\x94")
def _memoize(m: Machine) -> None:
    m.memo.append(m.stack[-1])


@CONTAINERS.on(b"h")
def _get(m: Machine) -> None:
    pos = m.pos
    m.pos = pos + 1
    m.stack.append(m.memo[m.data[pos]])


@CONTAINERS.on(b"j")
def _long_get(m: Machine) -> None:
    m.stack.append(m.memo[m.number(4)])


@CONTAINERS.on(b"(")
def _mark(m: Machine) -> None:
    if len(m.marks) >= MAX_MARKS:
        raise SerializerError(f"values nested deeper than {MAX_MARKS} levels in a pickle from a peer: refused")
    m.marks.append(m.stack)
    m.stack = []


@CONTAINERS.on(b"0")
def _pop(m: Machine) -> None:
    m.stack.pop()


@CONTAINERS.on(b"1")
def _pop_mark(m: Machine) -> None:
    m.to_mark()


def _take_tuple(m: Machine, size: int) -> None:
    if len(m.stack) < size:
        raise SerializerError("not valid pickle: a tuple of less than nothing")
    m.budget.small(64)
    m.stack[-size:] = [tuple(m.stack[-size:])]


@CONTAINERS.on(b"\x85")
def _tuple1(m: Machine) -> None:
    _take_tuple(m, 1)


@CONTAINERS.on(b"\x86")
def _tuple2(m: Machine) -> None:
    _take_tuple(m, 2)


@CONTAINERS.on(b"\x87")
def _tuple3(m: Machine) -> None:
    _take_tuple(m, 3)


@CONTAINERS.on(b"t")
def _tuple(m: Machine) -> None:
    m.budget.small(64)
    items = m.to_mark()
    m.stack.append(tuple(items))


@CONTAINERS.on(b"]")
def _list(m: Machine) -> None:
    m.budget.small(56)
    m.stack.append([])


@CONTAINERS.on(b"}")
def _dict(m: Machine) -> None:
    m.budget.small(64)
    m.stack.append({})


@CONTAINERS.on(b"\x8f")
def _set(m: Machine) -> None:
    m.budget.small(216)
    m.stack.append(set())


@CONTAINERS.on(b"a")
def _append(m: Machine) -> None:
    item = m.stack.pop()
    _extend(m, [item])


@CONTAINERS.on(b"e")
def _appends(m: Machine) -> None:
    _extend(m, m.to_mark())


def _extend(m: Machine, items: list[Any]) -> None:
    target = m.stack[-1]
    if kind_of(target) is list:
        target.extend(items)
        return
    check_chosen(m, target)
    for item in items:
        target.append(item)


@CONTAINERS.on(b"s")
def _set_item(m: Machine) -> None:
    value, key = m.stack.pop(), m.stack.pop()
    _update(m, [key], [value])


@CONTAINERS.on(b"u")
def _set_items(m: Machine) -> None:
    items = m.to_mark()
    _update(m, items[::2], items[1::2])


def _update(m: Machine, keys: list[Any], values: list[Any]) -> None:
    target = m.stack[-1]
    m.keys.check(target, keys)
    if type(target) is collections.OrderedDict:
        m.budget.small(128 * len(keys))
    elif type(target) is not dict:
        check_chosen(m, target)
    for key, value in zip(keys, values, strict=True):
        target[key] = value


@CONTAINERS.on(b"\x90")
def _add_items(m: Machine) -> None:
    items, target = m.to_mark(), m.stack[-1]
    m.keys.check(target, items)
    kind = kind_of(target)
    if kind is set:
        target.update(items)
        return
    check_chosen(m, target)
    for item in items:
        target.add(item)


@CONTAINERS.on(b"\x91")
def _frozenset(m: Machine) -> None:
    m.budget.small(216)
    items = m.to_mark()
    m.keys.check(items, items)
    m.stack.append(frozenset(items))


def check_chosen(m: Machine, target: object) -> None:
    """Only instances of classes that the user allowed may be changed other than by a factory."""
    kind = type(target)
    if isinstance(target, type | ModuleType | np.ndarray | np.dtype | np.generic) or not m.allowed.covers(kind):
        raise SerializerError(f"not valid pickle: a {kind.__name__} may not be changed")

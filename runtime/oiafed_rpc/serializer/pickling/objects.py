"""The opcodes that call: the toolkit's factories, and what the user allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oiafed_rpc.serializer.base import SerializerError, kind_of
from oiafed_rpc.serializer.pickling.containers import check_chosen
from oiafed_rpc.serializer.pickling.factories import FACTORIES
from oiafed_rpc.serializer.pickling.machine import Machine, Opcodes

OBJECTS = Opcodes()


class _Factory:
    """A callable on the stack that a pickle may call but not look into."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call


@OBJECTS.on(b"\x93")
def _global(m: Machine) -> None:
    name, module = m.stack.pop(), m.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise SerializerError("not valid pickle: a class of no name")
    m.budget.small(256)
    factory = FACTORIES.get((module, name))
    if factory is not None:
        m.stack.append(_Factory(factory))
        return
    found = m.allowed.find(module, name)
    m.globals[id(found)] = found
    m.stack.append(found)


@OBJECTS.on(b"R")
def _reduce(m: Machine) -> None:
    arguments, function = m.stack.pop(), m.stack.pop()
    _arguments(m, arguments)
    if type(function) is _Factory:
        m.stack.append(function.call(m.budget, *arguments))
    else:
        _named(m, function)
        m.stack.append(function(*arguments))


@OBJECTS.on(b"\x81")
def _new(m: Machine) -> None:
    arguments, cls = m.stack.pop(), m.stack.pop()
    _make(m, cls, arguments, {})


@OBJECTS.on(b"\x92")
def _new_with_keywords(m: Machine) -> None:
    keywords, arguments, cls = m.stack.pop(), m.stack.pop(), m.stack.pop()
    _make(m, cls, arguments, keywords)


def _make(m: Machine, cls: Any, arguments: Any, keywords: Any) -> None:
    _named(m, cls)
    _arguments(m, arguments)
    if type(keywords) is not dict or not isinstance(cls, type):
        raise SerializerError("not valid pickle: an instance of no class")
    m.stack.append(cls.__new__(cls, *arguments, **keywords))


def _arguments(m: Machine, arguments: Any) -> None:
    kind = kind_of(arguments)
    if kind is not tuple:
        raise SerializerError("not valid pickle: a call without arguments")
    m.budget.small(64 + 8 * len(arguments))


def _named(m: Machine, function: object) -> None:
    if id(function) not in m.globals:
        raise SerializerError(f"not valid pickle: a {type(function).__name__} is called")


@OBJECTS.on(b"b")
def _build(m: Machine) -> None:
    state: Any = m.stack.pop()
    target: Any = m.stack[-1]
    check_chosen(m, target)
    set_state = getattr(target, "__setstate__", None)
    if set_state is not None:
        set_state(state)
        return
    slots: Any = None
    kind = kind_of(state)
    if kind is tuple and len(state) == 2:
        state, slots = state
    if state:
        target.__dict__.update(_state(state))
    for name, value in _state(slots or {}).items():
        setattr(target, name, value)


def _state(state: Any) -> dict[str, Any]:
    kind = kind_of(state)
    if kind is not dict or not all(type(name) is str for name in state):
        raise SerializerError("not valid pickle: a state of no names")
    names: dict[str, Any] = state
    return names

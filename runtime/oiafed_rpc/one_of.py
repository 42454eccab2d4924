"""Oneofs: fields of which at most one is set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Never, Self, TypeVar, overload

from oiafed_rpc.codec.misfit import FieldError

N = TypeVar("N", bound=str)


class OneOf(Generic[N]):
    """A oneof of a generated class: read from an instance, it is the name of the member that is set.

    A member that is None is not set, so `match event.payload:` tells which one to look at. It can't be assigned: give
    the member that you mean a value, and None to the one that had one.

    Args:
        members: The Python names of its fields.

    Attributes:
        name: Its own Python name.
        members: As given.
    """

    __slots__ = ("members", "name")

    def __init__(self, *members: N) -> None:
        self.members = members
        self.name = ""

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any]) -> N | None: ...

    def __get__(self, instance: object | None, owner: type[Any]) -> Self | N | None:
        if instance is None:
            return self
        return next((each for each in self.members if getattr(instance, each) is not None), None)

    def __set__(self, instance: object, value: Never) -> None:
        listed = ", ".join(self.members)
        raise AttributeError(
            f"{self.name!r} can't be assigned: set one of its members, and None for the others: {listed}"
        )


def check_one(name: str, members: Sequence[str], get: Callable[[str], Any]) -> None:
    """See whether at most one member of a oneof is set.

    Raises:
        FieldError: naming those that are.
    """
    given = [repr(each) for each in members if get(each) is not None]
    if len(given) > 1:
        listed = f"{', '.join(given[:-1])} and {given[-1]}"
        raise FieldError("", f"{listed} are {'both ' if len(given) == 2 else ''}set, but {name!r} takes one")


def check_one_ofs(instance: object) -> None:
    """See whether each oneof of a generated class has at most one member set.

    Raises:
        FieldError: naming the members and the oneof.
    """
    cls = type(instance)
    known = _KNOWN.get(cls)
    for each in _look_up(cls) if known is None else known:
        check_one(each.name, each.members, instance.__getattribute__)


_KNOWN: dict[type[Any], tuple[OneOf[str], ...]] = {}


def _look_up(cls: type[Any]) -> tuple[OneOf[str], ...]:
    found: list[Any] = [value for base in cls.__mro__ for value in vars(base).values() if isinstance(value, OneOf)]
    return _KNOWN.setdefault(cls, tuple(found))

"""Methods with the parameters of asynchronous ones: what is added there needs no word here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


def parameters_of(
    model: Callable[Concatenate[Any, P], object],
) -> Callable[[Callable[Concatenate[S, ...], R]], Callable[Concatenate[S, P], R]]:
    """Give a method the parameters and the documentation of another, to which it hands on whatever it gets."""

    def give(method: Callable[Concatenate[S, ...], R]) -> Callable[Concatenate[S, P], R]:
        functools.update_wrapper(method, model)
        return cast("Callable[Concatenate[S, P], R]", method)

    return give


class Deriving(Protocol[P]):
    """A method that gives another object of its own class."""

    def __get__(self, owner: S, kind: type[S], /) -> Callable[P, S]:
        """The method of an object."""
        ...


def deriving_like(model: Callable[Concatenate[Any, P], object]) -> Callable[[Callable[..., object]], Deriving[P]]:
    """`parameters_of`, for a method that gives `Self`, which mypy forgets when a decorator stands before it."""

    def give(method: Callable[..., object]) -> Deriving[P]:
        functools.update_wrapper(method, model)
        return cast("Deriving[P]", method)

    return give

"""Where two values differ, told so that the reader of a failed test sees it."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from oiafed_rpc.records import Record, Tensor, same_value

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def differences(expected: object, actual: object, path: str = "") -> Iterator[str]:
    """Each place in which `actual` differs from `expected`, as `config.epochs: 2, not 1`.

    Args:
        expected: What should be there.
        actual: What is.
        path: How the value is reached.
    """
    if same_value(expected, actual):
        return
    others: tuple[object, object] = (actual, expected)
    if isinstance(expected, np.ndarray) and isinstance(actual, np.ndarray):
        yield f"{path}: {_of_arrays(cast('Tensor', expected), cast('Tensor', actual))}"
    elif isinstance(expected, dict) and isinstance(actual, dict):
        yield from _of_dicts(cast("dict[object, object]", expected), cast("dict[object, object]", actual), path)
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _of_lists(cast("list[object]", expected), cast("list[object]", actual), path)
    elif isinstance(expected, Record) and type(actual) is type(expected):
        for field in dataclasses.fields(cast("Any", expected)):
            inner = f"{path}.{field.name}"
            yield from differences(getattr(expected, field.name), getattr(actual, field.name), inner)
    else:
        yield f"{path}: {_told(others[0])}, not {_told(others[1])}"


def _of_dicts(expected: dict[object, object], actual: dict[object, object], path: str) -> Iterator[str]:
    for key in expected:
        if key not in actual:
            yield f"{path}[{key!r}]: is missing"
        else:
            yield from differences(expected[key], actual[key], f"{path}[{key!r}]")
    for key in actual:
        if key not in expected:
            yield f"{path}[{key!r}]: {_told(actual[key])}, not expected"


def _of_lists(expected: list[object], actual: list[object], path: str) -> Iterator[str]:
    if len(expected) != len(actual):
        yield f"{path}: {len(actual)} items, not {len(expected)}"
    for index, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
        yield from differences(wanted, got, f"{path}[{index}]")


def _of_arrays(expected: Tensor, actual: Tensor) -> str:
    if expected.dtype != actual.dtype or expected.shape != actual.shape:
        return f"{_told(actual)}, not {_told(expected)}"
    unequal = np.argwhere(np.atleast_1d(expected != actual))
    if not len(unequal):  # NaNs, or the sign of a zero
        return "the same numbers, but not the same bytes"
    place = tuple(unequal[0].tolist()) if expected.shape else ()
    others = f", and {len(unequal) - 1} more of {expected.size} differ" if len(unequal) > 1 else ""
    return f"{_told(actual)} has {actual[place]} at {list(place)}, not {expected[place]}{others}"


def _told(value: object) -> str:
    if isinstance(value, np.ndarray):
        array = cast("Tensor", value)
        return f"{array.dtype} array of shape {array.shape}"
    return _SHORT.repr(value) if not isinstance(value, Record) else repr(value)

"""Plain values where a schema has types of its own: dicts for records, names for members of an enumeration.

A schema-less caller may not have the generated classes; a typed handler must get them all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor

from oiafed_rpc.codec.fields import map_entry
from oiafed_rpc.codec.misfit import FieldError

Converter: TypeAlias = Callable[[Any], Any]
"""Gives the typed value that a plain one stands for; what is typed already, or fits nothing, it gives back."""


def converter(field: FieldDescriptor, python: type[Any] | None) -> Converter | None:
    """What turns plain values into those of a field.

    Args:
        field: Its descriptor.
        python: The record or enumeration of its type, or of its items; None for others.

    Returns:
        None where every value of the field is plain.
    """
    if python is None:
        return None
    one = _member(python) if hasattr(python, "__members__") else _record(python)
    if map_entry(field):
        return _each_value(one)
    return _each_item(one) if field.is_repeated else one


def _each_value(one: Converter) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        items = cast("dict[object, Any]", value).items()
        return {key: _placed(one, item, f"[{key!r}]") for key, item in items}

    return convert


def _each_item(one: Converter) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return [_placed(one, item, f"[{index}]") for index, item in enumerate(cast("list[Any]", value))]

    return convert


def _placed(one: Converter, item: Any, place: str) -> Any:
    try:
        return one(item)
    except FieldError as error:
        raise error.below(place) from None


def _record(python: type[Any]) -> Converter:
    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return python.__wire__.made_of(cast("dict[str, Any]", value))

    return convert


def _member(python: type[Any]) -> Converter:
    def convert(value: Any) -> Any:
        if isinstance(value, str):
            return python.__members__.get(value, value)
        try:
            return python(value) if isinstance(value, int) else value
        except ValueError:  # no number of 32 bits; who writes it tells so
            return value

    return convert

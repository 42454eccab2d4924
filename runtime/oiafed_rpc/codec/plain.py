"""Plain values where a schema has types of its own: dicts for records, names for members of an enumeration.

A schema-less caller may not have the generated classes; a typed handler must get them all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from google.protobuf.descriptor import FieldDescriptor

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.values import value_of
from oiafed_rpc.descriptors import map_entry

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
    entry = map_entry(field)
    one = _one(entry.fields_by_name["value"] if entry else field, python)
    if one is None:
        return None
    if entry:
        return _each_value(one)
    return _each_item(one) if field.is_repeated else one


def _one(field: FieldDescriptor, python: type[Any] | None) -> Converter | None:
    if python is not None:
        return _member(python) if hasattr(python, "__members__") else _record(python)
    return value_of(field.message_type).from_plain if field.message_type is not None else None


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

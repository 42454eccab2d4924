"""JSON values as `google.protobuf` has them: Value, Struct and ListValue.

An integer arrives as a float, a tuple as a list: their messages have no other kind of number or sequence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from google.protobuf.struct_pb2 import ListValue, Struct
from google.protobuf.struct_pb2 import Value as JsonValue

from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.serializer.base import kind_of

MAX_LEVELS = 25
"""How deep lists and dicts may lie in one another: protobuf reads 100 messages in one another, and a dict takes 3."""

EXPECTED = "a JSON value: None, bool, number, str, list or dict with str keys"


def write_value(message: JsonValue, value: object, _: Serializers) -> None:
    """Fill a Value; raises FieldError naming the place in it that is not JSON."""
    _write(message, value, 0)


def write_struct(message: Struct, value: Mapping[Any, object], _: Serializers) -> None:
    """Fill a Struct; raises FieldError naming the place in it that is not JSON."""
    _write_items(message, value, 1)


def write_list(message: ListValue, value: list[object] | tuple[object, ...], _: Serializers) -> None:
    """Fill a ListValue; raises FieldError naming the place in it that is not JSON."""
    _write_list(message, value, 1)


def _write(message: JsonValue, value: object, level: int) -> None:
    leaf = _LEAVES.get(kind_of(value)) or _leaf(value)
    if leaf is not None:
        leaf(message, value)
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        _write_items(message.struct_value, cast("Mapping[Any, object]", value), level + 1)
    elif isinstance(value, list | tuple):
        message.list_value.SetInParent()
        _write_list(message.list_value, cast("list[object]", value), level + 1)
    else:
        raise FieldError("", mismatch(EXPECTED, value, TypeError()))


def _write_items(message: Struct, values: Mapping[Any, object], level: int) -> None:
    _check_level(level)
    for key, item in values.items():
        if not isinstance(key, str):
            raise FieldError(
                "", f"the key {key!r} is a {type(key).__name__} (expected a str: a JSON object has no other)"
            )
        _write_at(f"[{key!r}]", message.fields[key], item, level)


def _write_list(message: ListValue, values: list[object] | tuple[object, ...], level: int) -> None:
    _check_level(level)
    for index, item in enumerate(values):
        _write_at(f"[{index}]", message.values.add(), item, level)


def _write_at(place: str, message: JsonValue, item: object, level: int) -> None:
    try:
        _write(message, item, level)
    except FieldError as error:
        raise error.below(place) from None
    except ValueError as error:  # of text that is no UTF-8
        raise FieldError(place, mismatch(EXPECTED, item, error)) from None


def _check_level(level: int) -> None:
    if level > MAX_LEVELS:
        raise FieldError(
            "", f"JSON values nested deeper than {MAX_LEVELS} levels, or that hold themselves, are refused"
        )


def _write_null(message: JsonValue, _: object) -> None:
    message.null_value = 0  # type: ignore[assignment]


def _write_bool(message: JsonValue, value: Any) -> None:
    message.bool_value = bool(value)


def _write_number(message: JsonValue, value: Any) -> None:
    try:
        number = float(value)
    except OverflowError:
        raise FieldError("", "a number too large for a double, which all numbers of JSON values are") from None
    if not math.isfinite(number):
        raise FieldError("", f"{number} is no number of JSON (expected a finite one)")
    message.number_value = number


def _write_text(message: JsonValue, value: Any) -> None:
    message.string_value = value


_LEAVES: dict[type[Any], Callable[[JsonValue, Any], None]] = {
    type(None): _write_null,
    bool: _write_bool,
    np.bool_: _write_bool,
    int: _write_number,
    float: _write_number,
    str: _write_text,
}
_BASES: tuple[tuple[tuple[type[Any], ...], Callable[[JsonValue, Any], None]], ...] = (
    ((int, float, np.integer, np.floating), _write_number),
    ((str,), _write_text),
)


def _leaf(value: object) -> Callable[[JsonValue, Any], None] | None:
    """How to write a member of an enumeration, a number of numpy, or of another subclass."""
    return next((write for bases, write in _BASES if isinstance(value, bases)), None)


def read_value(message: JsonValue, _: Serializers | None = None) -> Any:
    """The value of a Value; None of one that has no kind, or one of a later protobuf."""
    kind = message.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    content = getattr(message, kind)
    if kind == "struct_value":
        return read_struct(content)
    return read_list(content) if kind == "list_value" else content


def read_struct(message: Struct, _: Serializers | None = None) -> dict[str, Any]:
    """The dict of a Struct."""
    return {key: read_value(item) for key, item in message.fields.items()}


def read_list(message: ListValue, _: Serializers | None = None) -> list[Any]:
    """The list of a ListValue."""
    return [read_value(item) for item in message.values]

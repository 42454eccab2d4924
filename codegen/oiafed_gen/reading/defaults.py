"""Default values: from their text to a value of the field's type."""

from __future__ import annotations

import math
import re

from oiafed_gen.diagnostics import suggestion
from oiafed_gen.model import Default, Kind, Label, TypeRef
from oiafed_gen.provided import is_native
from oiafed_gen.reading.type_syntax import INTEGERS

_INTEGER = re.compile(r"[-+]?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?", re.ASCII)
_TRUTH = {"true": True, "True": True, "false": False, "False": False}


class DefaultError(Exception):
    """The text is no value of the type."""


def parse_default(text: str, type_: TypeRef, label: Label, values: tuple[tuple[str, str], ...] = ()) -> Default:
    """Return the default that `text` spells.

    Args:
        text: The value as written.
        type_: The type of the field.
        label: How many values the field holds.
        values: For an enum, each value as it may be spelled here and its proto name.

    Raises:
        DefaultError: The field cannot have a default, or not this one.
    """
    if label is not Label.SINGULAR or type_.kind is Kind.MESSAGE or is_native(type_.name):
        raise DefaultError("only a single number, truth value, text, bytes or enum value can have a default")
    if type_.kind is Kind.ENUM:
        return _enum_value(text, type_, dict(values))
    if type_.name in INTEGERS:
        return _integer(text, type_.name)
    if type_.name in ("float", "double"):
        return _number(text, type_.name)
    if type_.name == "bool":
        if text not in _TRUTH:
            raise DefaultError(f"the default of a bool must be true or false, not '{text}'")
        return Default(_TRUTH[text])
    return Default(text.encode() if type_.name == "bytes" else text)


def _enum_value(text: str, type_: TypeRef, values: dict[str, str]) -> Default:
    if text not in values:
        hint = suggestion(text, values) or f"; it has {', '.join(values)}"
        raise DefaultError(f"'{type_.name.rpartition('.')[2]}' has no value '{text}'{hint}")
    return Default(values[text])


def _integer(text: str, name: str) -> Default:
    least, greatest = INTEGERS[name]
    if not _INTEGER.fullmatch(text):
        raise DefaultError(f"the default of an {name} must be an integer, not '{text}'")
    if not least <= int(text) <= greatest:
        raise DefaultError(f"{text} does not fit into {name}")
    return Default(int(text))


def _number(text: str, name: str) -> Default:
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise DefaultError(f"the default of a {name} must be a finite number, not '{text}'")
    return Default(float(text))

"""What must hold for an enum in two versions."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import EnumDescriptor, EnumValueDescriptor

from oiafed_rpc.compatibility.reserved import reserved_of, reserved_rules
from oiafed_rpc.compatibility.rule import Difference, Rule, difference


def enum_rules(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Difference]:
    """Yield every difference between two versions of an enum."""
    yield from _numbers(old, new)
    yield from _removed(old, new)
    yield from _names(old, new)
    yield from reserved_rules(old, new)


def _numbers(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Difference]:
    for value in old.values:
        now = new.values_by_name.get(value.name)
        if now is not None and now.number != value.number:
            message = f"'{value.name}' was {value.number} and is {now.number} now"
            path = f"{new.full_name}.{value.name}"
            yield difference(Rule.ENUM_VALUE_NUMBER, path, f"number {value.number}", f"number {now.number}", message)


def _removed(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Difference]:
    """Look for values whose number, and for those whose name, is free to mean something else."""
    reserved = reserved_of(new)
    for value in old.values:
        if value.name in new.values_by_name or _kept(value, old, new):
            continue
        path, was = f"{new.full_name}.{value.name}", f"'{value.name}' = {value.number}"
        if value.number not in new.values_by_number and not reserved.has(value.number):
            message = f"{was} was removed, and {value.number} is not reserved: another value could take it"
            yield difference(Rule.ENUM_VALUE_REMOVED, path, was, "", message)
        if value.name not in reserved.names:
            message = f"{was} was removed, and its name is not reserved: another value could take it"
            yield difference(Rule.ENUM_VALUE_NAME_REMOVED, path, was, "", message)


def _names(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Difference]:
    """Look for values that stay with other names; JSON is written with the first of a value, and read with each."""
    for value in old.values:
        now = _kept(value, old, new)
        if now is None or value.name in new.values_by_name:
            continue
        path, names = f"{new.full_name}.{now.name}", (f"'{value.name}'", f"'{now.name}'")
        if old.values_by_number[value.number].name == value.name:
            message = f"value {value.number} was renamed from {names[0]} to {names[1]}"
            yield difference(Rule.ENUM_VALUE_NAME, path, *names, message)
        else:
            message = f"value {value.number} is not called {names[0]} as well any more"
            yield difference(Rule.ENUM_VALUE_ALIAS, path, *names, message)


def _kept(value: EnumValueDescriptor, old: EnumDescriptor, new: EnumDescriptor) -> EnumValueDescriptor | None:
    """Return the first that has the number of a value now; None where it is gone, or others have moved there."""
    for now in new.values:
        if now.number == value.number and _number(now.name, old) in (value.number, None):
            return now
    return None


def _number(name: str, enum: EnumDescriptor) -> int | None:
    value = enum.values_by_name.get(name)
    return None if value is None else value.number

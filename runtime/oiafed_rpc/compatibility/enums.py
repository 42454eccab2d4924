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
        if value.name in new.values_by_name or _renamed(value, old, new):
            continue
        path, was = f"{new.full_name}.{value.name}", f"'{value.name}' = {value.number}"
        if value.number not in new.values_by_number and not reserved.has(value.number):
            message = f"{was} was removed, and {value.number} is not reserved: another value could take it"
            yield difference(Rule.ENUM_VALUE_REMOVED, path, was, "", message)
        if value.name not in reserved.names:
            message = f"{was} was removed, and its name is not reserved: another value could take it"
            yield difference(Rule.ENUM_VALUE_NAME_REMOVED, path, was, "", message)


def _names(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Difference]:
    """Look for names that are gone while their number stays; more names for it do no harm."""
    for value in old.values:
        now = _renamed(value, old, new)
        if now is not None:
            message = f"value {value.number} was renamed from '{value.name}' to '{now.name}'"
            path = f"{new.full_name}.{now.name}"
            yield difference(Rule.ENUM_VALUE_NAME, path, f"'{value.name}'", f"'{now.name}'", message)


def _renamed(value: EnumValueDescriptor, old: EnumDescriptor, new: EnumDescriptor) -> EnumValueDescriptor | None:
    """Return what a value is called now; None where it has kept its name, or its number is another's that moved."""
    now = new.values_by_number.get(value.number)
    return None if now is None or value.name in new.values_by_name or now.name in old.values_by_name else now

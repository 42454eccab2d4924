"""What must hold for a message in two versions, beyond its single fields."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from oiafed_rpc.compatibility.reserved import reserved_of, reserved_rules
from oiafed_rpc.compatibility.rule import Difference, Rule, difference


def message_rules(old: Descriptor, new: Descriptor) -> Iterator[Difference]:
    """Yield the differences between two versions of a message that are not those of a field with the same number."""
    yield from _numbers(old, new)
    yield from _removed(old, new)
    yield from _oneofs(old, new)
    yield from reserved_rules(old, new)


def common(old: Descriptor, new: Descriptor) -> Iterator[tuple[FieldDescriptor, FieldDescriptor]]:
    """Yield the fields that have the same number, but not those that were moved there or away: see `_numbers`."""
    for field in old.fields:
        now = new.fields_by_number.get(field.number)
        if now is None:
            continue
        moved = field.name in new.fields_by_name or now.name in old.fields_by_name
        if now.name == field.name or not moved:
            yield field, now


def _numbers(old: Descriptor, new: Descriptor) -> Iterator[Difference]:
    for field in old.fields:
        now = new.fields_by_name.get(field.name)
        if now is not None and now.number != field.number:
            message = f"'{field.name}' was field {field.number} and is field {now.number} now"
            path = f"{new.full_name}.{field.name}"
            yield difference(Rule.FIELD_NUMBER, path, f"number {field.number}", f"number {now.number}", message)


def _removed(old: Descriptor, new: Descriptor) -> Iterator[Difference]:
    """Look for fields whose number, and for those whose name, is free to mean something else."""
    reserved = reserved_of(new)
    kept = {field.number for field, _ in common(old, new)}
    for field in old.fields:
        if field.number in kept or field.name in new.fields_by_name:
            continue
        path, was = f"{new.full_name}.{field.name}", f"'{field.name}' = {field.number}"
        if field.number not in new.fields_by_number and not reserved.has(field.number):
            message = f"{was} was removed, and {field.number} is not reserved: another field could take it"
            yield difference(Rule.FIELD_REMOVED, path, was, "", message)
        if field.name not in reserved.names:
            message = f"{was} was removed, and its name is not reserved: another field could take it"
            yield difference(Rule.FIELD_NAME_REMOVED, path, was, "", message)


def _oneofs(old: Descriptor, new: Descriptor) -> Iterator[Difference]:
    """Look for fields that are not in their oneof any more, or in one with others; its name does not matter."""
    pairs = [(_oneof(before), _oneof(now)) for before, now in common(old, new)]
    forth = {before.name: now.name for before, now in reversed(pairs) if before and now}
    back = {now.name: before.name for before, now in reversed(pairs) if before and now}
    for (before, now), (_, field) in zip(pairs, common(old, new), strict=True):
        kept = before and now and forth[before.name] == now.name and back[now.name] == before.name
        if (before or now) and not kept:
            joins = now is not None and _met(old, now, field.number)
            was, is_ = _spelled(before), _spelled(now)
            message = f"'{field.name}' was {was} and is {is_} now"
            if joins:
                message += ": what is set together with it gets lost"
            rule = Rule.FIELD_JOINS_ONEOF if joins else Rule.FIELD_ONEOF
            yield difference(rule, f"{new.full_name}.{field.name}", was, is_, message)


def _met(old: Descriptor, oneof: OneofDescriptor, number: int) -> bool:
    """Whether an older node can set the field together with another one of the oneof."""
    own = _oneof(old.fields_by_number[number])
    others = (old.fields_by_number.get(other.number) for other in oneof.fields if other.number != number)
    outer = (_oneof(other) for other in others if other is not None)
    return any(own is None or other is None or own.name != other.name for other in outer)


def _oneof(field: FieldDescriptor) -> OneofDescriptor | None:
    """Return the oneof that the schema puts a field in; protobuf puts each `optional` field in one of its own."""
    found = field.containing_oneof
    synthetic = found is not None and len(found.fields) == 1 and found.name == f"_{field.name}"
    return None if synthetic else found


def _spelled(oneof: OneofDescriptor | None) -> str:
    return f"in the oneof '{oneof.name}'" if oneof else "in no oneof"

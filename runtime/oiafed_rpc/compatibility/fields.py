"""What must hold for a field, in two versions that have the same number."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldOptions

from oiafed_rpc.compatibility.enums import enum_rules
from oiafed_rpc.compatibility.kinds import same_bytes, same_json, spelled
from oiafed_rpc.compatibility.rule import Difference, Level, Rule, difference
from oiafed_rpc.descriptors import is_opaque, kind, map_entry
from oiafed_rpc.system.wire import options_pb2


def field_rules(old: FieldDescriptor, new: FieldDescriptor, path: str) -> Iterator[Difference]:
    """Yield the differences of a field that can be seen without a look into the messages that it holds."""
    yield from _names(old, new, path)
    yield from _zero(old, new, path)
    yield from _cardinality(old, new, path)
    for before, now, part in parts(old, new):
        yield from _types(before, now, path, part)


def parts(old: FieldDescriptor, new: FieldDescriptor) -> Iterator[tuple[FieldDescriptor, FieldDescriptor, str]]:
    """Yield what of a field has a type, in both versions and as words: the field, or the keys and values of a map."""
    before, now = map_entry(old), map_entry(new)
    if before and now:
        for name in ("key", "value"):
            yield before.fields_by_name[name], now.fields_by_name[name], f"the {name}s of '{new.name}'"
    elif old.is_repeated == new.is_repeated:  # else there is nothing left to compare
        yield old, new, f"'{new.name}'"


def renamed(old: FieldDescriptor, new: FieldDescriptor) -> tuple[Descriptor, Descriptor] | None:
    """Return the messages that a field holds, if they have different names and may yet have the same shape."""
    before, now = old.message_type, new.message_type
    if before is None or now is None or before.full_name == now.full_name:
        return None
    return None if is_opaque(before) or is_opaque(now) else (before, now)


def _names(old: FieldDescriptor, new: FieldDescriptor, path: str) -> Iterator[Difference]:
    if old.name != new.name:
        message = f"field {old.number} was renamed from '{old.name}' to '{new.name}'"
        yield difference(Rule.FIELD_NAME, path, f"'{old.name}'", f"'{new.name}'", message)
    elif old.json_name != new.json_name:
        message = f"the JSON name of '{new.name}' changed from '{old.json_name}' to '{new.json_name}'"
        yield difference(Rule.FIELD_JSON_NAME, path, f"'{old.json_name}'", f"'{new.json_name}'", message)


def _zero(old: FieldDescriptor, new: FieldDescriptor, path: str) -> Iterator[Difference]:
    """Look for a default on one side where the other does not send a zero. Fields that have one are always sent."""
    if old.is_repeated or new.is_repeated or old.has_presence == new.has_presence:
        return
    default = _default(new if new.has_presence else old)
    if not default:
        return
    sender, verb = ("older", "got") if new.has_presence else ("newer", "lost")
    message = (
        f"'{new.name}' {verb} the default {default}: {sender} nodes do not send a zero, which is read as {default}"
    )
    sides = ("no default", f"default {default}")
    before, now = sides if new.has_presence else reversed(sides)
    yield difference(Rule.FIELD_ZERO, path, before, now, message)


def _default(field: FieldDescriptor) -> str:
    """Return the default that the schema gives, unless it is zero anyway."""
    options = FieldOptions.FromString(field.GetOptions().SerializeToString())  # descriptors of other pools know less
    text: str = options.Extensions[options_pb2.default]
    if field.enum_type is not None:
        return "" if text == field.enum_type.values[0].name else text
    try:
        return text if float(text) else ""
    except ValueError:
        return "" if text == "false" else text


def _cardinality(old: FieldDescriptor, new: FieldDescriptor, path: str) -> Iterator[Difference]:
    if (old.is_repeated, bool(map_entry(old))) != (new.is_repeated, bool(map_entry(new))):
        rule = Rule.FIELD_CARDINALITY if old.is_repeated != new.is_repeated else Rule.FIELD_JSON_CARDINALITY
        message = f"'{new.name}' changed from {_described(old)} to {_described(new)}"
        yield difference(rule, path, _described(old), _described(new), message)


def _described(field: FieldDescriptor) -> str:
    """Return a field's type with its cardinality, as YAML has it."""
    entry = map_entry(field)
    if entry:
        return f"map<{spelled(entry.fields_by_name['key'])}, {spelled(entry.fields_by_name['value'])}>"
    return f"list<{spelled(field)}>" if field.is_repeated else spelled(field)


def _types(old: FieldDescriptor, new: FieldDescriptor, path: str, part: str) -> Iterator[Difference]:
    for rule in _broken(old, new):
        message = f"{part} changed from {spelled(old)} to {spelled(new)}{_remark(rule, old, new)}"
        yield difference(rule, path, spelled(old), spelled(new), message)


def _broken(old: FieldDescriptor, new: FieldDescriptor) -> Iterator[Rule]:
    before, now = kind(old), kind(new)
    if not same_bytes(before, now):
        yield Rule.FIELD_TYPE
    elif before == now:
        yield from _broken_named(old, new)
    elif "enum" in (before, now):
        yield Rule.FIELD_ENUM
    elif not same_json(before, now):
        yield Rule.FIELD_JSON_TYPE


def _broken_named(old: FieldDescriptor, new: FieldDescriptor) -> Iterator[Rule]:
    """Compare enums of different names by their values, and messages that nothing else can stand for by their names."""
    if old.message_type is not None and new.message_type is not None:
        differ = old.message_type.full_name != new.message_type.full_name
        if differ and (is_opaque(old.message_type) or is_opaque(new.message_type)):
            yield Rule.FIELD_TYPE
    elif old.enum_type is not None and new.enum_type is not None and old.enum_type.full_name != new.enum_type.full_name:
        yield from _broken_enum(old.enum_type, new.enum_type)


def _broken_enum(old: EnumDescriptor, new: EnumDescriptor) -> Iterator[Rule]:
    found = [each.rule for each in enum_rules(old, new)]
    wire = [rule for rule in found if rule.level is Level.WIRE]
    if any(rule.live for rule in wire):
        yield Rule.FIELD_TYPE
        return
    if wire:
        yield Rule.FIELD_ENUM
    if len(found) > len(wire):
        yield Rule.FIELD_JSON_TYPE


def _remark(rule: Rule, old: FieldDescriptor, new: FieldDescriptor) -> str:
    if (kind(old), kind(new)) == ("bytes", "string"):
        return "; bytes need not be the UTF-8 of a text"
    if rule is Rule.FIELD_ENUM and kind(old) != kind(new):
        return "; not every number is a value of the enum"
    return ": neither reads what the other writes" if rule is Rule.FIELD_TYPE else ""

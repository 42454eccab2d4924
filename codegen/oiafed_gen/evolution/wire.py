"""What a changed schema breaks on the wire and in JSON: the runtime's rules, told at places of the schema."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pool import DescriptorPool
from oiafed_rpc.compatibility import (
    Difference,
    Rule,
    enum_differences,
    message_differences,
    service_differences,
)

from oiafed_gen.codes import Code
from oiafed_gen.evolution.breaches import Breach, Level
from oiafed_gen.evolution.places import Places
from oiafed_gen.generate import Resolved

_CODES = {
    Rule.FIELD_TYPE: Code.CHANGED_TYPE,
    Rule.FIELD_CARDINALITY: Code.CHANGED_TYPE,
    Rule.FIELD_ENUM: Code.CHANGED_TYPE,
    Rule.FIELD_JSON_TYPE: Code.CHANGED_TYPE,
    Rule.FIELD_JSON_CARDINALITY: Code.CHANGED_TYPE,
    Rule.FIELD_NUMBER: Code.RENUMBERED,
    Rule.ENUM_VALUE_NUMBER: Code.RENUMBERED,
    Rule.FIELD_JOINS_ONEOF: Code.CHANGED_ONE_OF,
    Rule.FIELD_ONEOF: Code.CHANGED_ONE_OF,
    Rule.FIELD_ZERO: Code.CHANGED_DEFAULT,
    Rule.FIELD_REMOVED: Code.REMOVED_FIELD,
    Rule.FIELD_NAME_REMOVED: Code.REMOVED_FIELD,
    Rule.FIELD_NAME: Code.RENAMED_FIELD,
    Rule.FIELD_JSON_NAME: Code.RENAMED_FIELD,
    Rule.ENUM_VALUE_REMOVED: Code.REMOVED_VALUE,
    Rule.ENUM_VALUE_NAME_REMOVED: Code.REMOVED_VALUE,
    Rule.ENUM_VALUE_NAME: Code.RENAMED_VALUE,
    Rule.ENUM_VALUE_ALIAS: Code.RENAMED_VALUE,
    Rule.RESERVED_REMOVED: Code.UNRESERVED,
    Rule.METHOD_STREAM: Code.CHANGED_METHOD,
    Rule.METHOD_REQUEST: Code.CHANGED_METHOD,
    Rule.METHOD_RESPONSE: Code.CHANGED_METHOD,
    Rule.METHOD_IDEMPOTENCY: Code.NOT_IDEMPOTENT,
    Rule.METHOD_REMOVED: Code.REMOVED_METHOD,
    Rule.SERVICE_REMOVED: Code.REMOVED_ROLE,
}

_BYTES_ALONE = {
    Rule.FIELD_NUMBER,
    Rule.FIELD_REMOVED,
    Rule.ENUM_VALUE_NUMBER,
    Rule.ENUM_VALUE_REMOVED,
    Rule.RESERVED_REMOVED,
}
"""The rules of numbers, which JSON has not; what breaks another rule of the wire breaks JSON as well."""

_SHOWN = 3  # of the fields that one change has renumbered


def wire_breaches(old: Resolved, new: Resolved, places: Places) -> Iterator[Breach]:
    """Yield what breaks the bytes or the JSON of what both versions have."""
    before, now = _pool(old), _pool(new)
    for name in old.table.messages.keys() & new.table.messages.keys():
        found = message_differences(before.FindMessageTypeByName(name), now.FindMessageTypeByName(name))
        yield from _told(found, places)
    for name in old.table.enums.keys() & new.table.enums.keys():
        yield from _told(enum_differences(before.FindEnumTypeByName(name), now.FindEnumTypeByName(name)), places)
    for name in _services(old) & _services(new):
        yield from _told(service_differences(before.FindServiceByName(name), now.FindServiceByName(name)), places)


def _pool(resolved: Resolved) -> DescriptorPool:
    pool = DescriptorPool()
    for file in resolved.schema.descriptors:
        pool.Add(file)
    return pool


def _services(resolved: Resolved) -> set[str]:
    return {role.service for file in resolved.schema.files for role in file.roles}


def _told(found: Iterable[Difference], places: Places) -> Iterator[Breach]:
    """Yield the breaches of one message, enum or service; what only moved is told together."""
    for moved, group in itertools.groupby(found, lambda each: _CODES[each.rule] is Code.RENUMBERED):
        if moved:
            yield _renumbered(list(group), places)
            continue
        for each in group:
            levels = {Level(each.level)} if each.rule in _BYTES_ALONE else {Level(each.level), Level.JSON}
            yield from (_breach(each, level, places) for level in levels)


def _breach(found: Difference, level: Level, places: Places, message: str = "") -> Breach:
    code = _CODES[found.rule]
    return Breach(
        code=code,
        level=level,
        path=found.path,
        location=places.at(found.path),
        message=places.owner(found.path) + (message or _message(found, places)),
        advice=_advice(code, found, places),
    )


def _renumbered(moved: list[Difference], places: Places) -> Breach:
    """Return one breach for all that moved in a message or enum, at the first of them in the text."""
    moved.sort(key=lambda each: places.at(each.path))
    message = ", ".join(_message(each, places) for each in moved[:_SHOWN])
    more = f", and {len(moved) - _SHOWN} more moved" if len(moved) > _SHOWN else ""
    return _breach(moved[0], Level.WIRE, places, message + more)


def _message(found: Difference, places: Places) -> str:
    """Return what a rule says, which knows things by their names in proto."""
    name = f"'{found.path.rpartition('.')[2]}'"
    if not found.message.startswith(name):
        return found.message
    return places.called(found.path) + found.message.removeprefix(name)


def _advice(code: Code, found: Difference, places: Places) -> str:
    match code:
        case Code.RENUMBERED if places.is_yaml(found.path):
            return (
                "in YAML numbers follow the order: put what is new at the end, "
                "reserve the numbers of what was removed, or give each its number"
            )
        case Code.RENUMBERED:
            return "give it its number back"
        case Code.REMOVED_FIELD | Code.REMOVED_VALUE:
            return "reserve its number and its name"
        case Code.UNRESERVED:
            return "reserve it again"
        case Code.CHANGED_TYPE if found.rule.live and found.rule is not Rule.FIELD_JSON_TYPE:
            return "keep it, and add a field with another name and number"
        case _:
            return ""

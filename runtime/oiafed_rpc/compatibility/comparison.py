"""Whole messages, methods and services in two versions, with all that they lead to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from oiafed_rpc.compatibility.enums import enum_rules
from oiafed_rpc.compatibility.fields import field_rules, parts, renamed
from oiafed_rpc.compatibility.messages import common, message_rules
from oiafed_rpc.compatibility.methods import method_rules, removed_methods, stream_rules
from oiafed_rpc.compatibility.rule import Difference, Level, Rule, difference

_Pair: TypeAlias = tuple[Descriptor, Descriptor]

_LACKS = (Rule.FIELD_REMOVED, Rule.FIELD_NAME_REMOVED, Rule.RESERVED_REMOVED)
"""Risks by what a message does not have: one with another name may never have had it, so it is not what changed."""


def differences(old: Descriptor, new: Descriptor) -> list[Difference]:
    """Return by what a newer version of a message does not understand an older one.

    Messages and enums that both versions hold are compared as well. A message that only has another name is the same.
    The two come from different descriptor pools, or are different messages of one.

    Args:
        old: What the bytes were written by.
        new: What reads them.
    """
    found = [each for pair in _reached((old, new)) for each in (*message_differences(*pair), *_enums(pair))]
    return list(dict.fromkeys(found))


def misread(writer: Descriptor, reader: Descriptor, level: Level = Level.WIRE) -> list[Difference]:
    """Return what arrives wrongly now when `reader` reads what `writer` wrote: the differences that are live.

    Args:
        writer: The message as the sender knows it.
        reader: The message as the receiver knows it.
        level: What travels. Level.JSON counts what breaks bytes or JSON, Level.WIRE what breaks bytes.
    """
    return [each for each in differences(writer, reader) if each.rule.live and level in (each.level, Level.JSON)]


def call_differences(caller: MethodDescriptor, callee: MethodDescriptor, level: Level = Level.WIRE) -> list[Difference]:
    """Return why a call between two running nodes would go wrong; nothing where it works in both directions.

    In what is found, `old` is how the caller knows it and `new` how the callee does, for requests and responses alike.
    """
    request = misread(caller.input_type, callee.input_type, level)
    response = misread(callee.output_type, caller.output_type, level)
    turned = [each._replace(old=each.new, new=each.old) for each in response]
    return list(dict.fromkeys((*stream_rules(caller, callee), *request, *turned)))


def message_differences(old: Descriptor, new: Descriptor) -> list[Difference]:
    """Return the differences of two messages alone, without those of messages and enums of the same name they hold."""
    found = _own((old, new))
    for before, now in common(old, new):
        found += _renamed(before, now, f"{new.full_name}.{now.name}")
    return found


def enum_differences(old: EnumDescriptor, new: EnumDescriptor) -> list[Difference]:
    """Return by what a newer version of an enum does not understand an older one."""
    return list(enum_rules(old, new))


def method_differences(old: MethodDescriptor, new: MethodDescriptor) -> list[Difference]:
    """Return the differences of two methods alone; those of messages of the same name are told of the messages."""
    found = [*method_rules(old, new)]
    for rule, before, now in (
        (Rule.METHOD_REQUEST, old.input_type, new.input_type),
        (Rule.METHOD_RESPONSE, old.output_type, new.output_type),
    ):
        if before.full_name != now.full_name:
            verb = "takes" if rule is Rule.METHOD_REQUEST else "gives"
            found += _judged((before, now), new.full_name, rule, f"'{new.name}' {verb}")
    return found


def service_differences(old: ServiceDescriptor, new: ServiceDescriptor) -> list[Difference]:
    """Return the differences of two services and of their methods alone."""
    found = list(removed_methods(old, new))
    for method in old.methods:
        now = new.methods_by_name.get(method.name)
        if now is not None:
            found += method_differences(method, now)
    return found


def _own(pair: _Pair) -> list[Difference]:
    """The differences of two messages that can be seen without a look into those that they hold."""
    old, new = pair
    found = list(message_rules(old, new))
    for before, now in common(old, new):
        found += field_rules(before, now, f"{new.full_name}.{now.name}")
    return found


def _renamed(old: FieldDescriptor, new: FieldDescriptor, path: str) -> Iterator[Difference]:
    """Judge the message that a field holds, if it has another name than before, by its shape."""
    for before, now, _ in parts(old, new):
        pair = renamed(before, now)
        if pair is not None:
            yield from _judged(pair, path, Rule.FIELD_TYPE, f"'{new.name}' holds")


def _judged(pair: _Pair, path: str, rule: Rule, verb: str) -> Iterator[Difference]:
    """Yield at `path` what a message with another name misreads or lacks, and its other risks where they are."""
    old, new = (message.full_name for message in pair)
    found: dict[tuple[Rule, str], Difference] = {}
    for each in _shape(pair):
        broken = each.rule
        if broken.live:
            broken = rule if each.level is Level.WIRE else Rule.FIELD_JSON_TYPE
        elif broken not in _LACKS:
            found[broken, each.path] = each
            continue
        message = f"{verb} '{new}' now and '{old}' before, which is not the same: at '{each.path}', {each.message}"
        found.setdefault((broken, path), difference(broken, path, old, new, message))
    return iter([found[rule, path]] if (rule, path) in found else found.values())


def _shape(pair: _Pair) -> Iterator[Difference]:
    """Yield the differences of a pair and of those with other names that it leads to."""
    ahead, seen = [pair], {_key(pair)}
    while ahead:
        now = ahead.pop()
        yield from _own(now)
        below = [each for each in _held(now) if each[0].full_name != each[1].full_name and _key(each) not in seen]
        ahead += below
        seen |= {_key(each) for each in below}


def _reached(pair: _Pair) -> Iterable[_Pair]:
    """Return a pair and those of the same name that it leads to; the way there may go over other names."""
    ahead, seen = [pair], {_key(pair): pair}
    while ahead:
        for below in _held(ahead.pop()):
            if _key(below) not in seen:
                seen[_key(below)] = below
                ahead.append(below)
    return [each for each in seen.values() if each[0].full_name == each[1].full_name or each == pair]


def _held(pair: _Pair) -> Iterator[_Pair]:
    """Yield the messages that are in the same field of both."""
    for old, new in common(*pair):
        for before, now, _ in parts(old, new):
            if before.message_type is not None and now.message_type is not None:
                yield before.message_type, now.message_type


def _enums(pair: _Pair) -> Iterator[Difference]:
    """Yield the differences of the enums of the same name that are in the same field of both."""
    for old, new in common(*pair):
        for before, now, _ in parts(old, new):
            was, is_ = before.enum_type, now.enum_type
            if was is not None and is_ is not None and was.full_name == is_.full_name:
                yield from enum_rules(was, is_)


def _key(pair: _Pair) -> tuple[str, str]:
    return pair[0].full_name, pair[1].full_name

"""Enums in YAML: a list of names, or names with their numbers or with all that can be said of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location
from oiafed_gen.model import ENUM_NUMBERS, Enum, EnumValue, Reserved
from oiafed_gen.reading.yaml.keys import ENUM, VALUE
from oiafed_gen.reading.yaml.reserved import free_numbers, read_reserved
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar, Sequence
from oiafed_gen.reading.yaml.values import Values
from oiafed_gen.spelling import qualified, snake


@dataclasses.dataclass(frozen=True, slots=True)
class _Member:
    """A value as it is written; `is_wrong` where its number is none."""

    name: Scalar
    number: int | None = None
    doc: str = ""
    deprecated: bool = False
    is_wrong: bool = False


def read_enum(outer: str, name: Scalar, node: Node, values: Values) -> Enum:
    """Return the enum that `node` declares under `name`, inside the package or type `outer`."""
    keys: dict[str, Node] = {"values": node}
    if isinstance(node, Mapping):
        keys = values.keys(node, ENUM, "an enum")
    reserved = read_reserved(keys.get("reserved"), ENUM_NUMBERS, values, lambda text: _proto_name(name.text, text))
    written = [m for m in _written(keys.get("values"), values) if values.identifier(m.name, "an enum value")]
    members = tuple(_numbered(name.text, written, reserved, values))
    if not members:
        values.wrong(name.location, Code.EMPTY_ENUM, f"the enum '{name.text}' has no values")
    enum = Enum(
        name=name.text,
        full_name=qualified(outer, name.text),
        location=name.location,
        values=members,
        allow_alias=values.truth(keys.get("allow_alias"), "'allow_alias'"),
        reserved=reserved,
        doc=values.text(keys.get("doc"), "'doc'"),
        deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
    )
    _check_names(enum, values)
    if not any(member.is_wrong for member in written):
        _check_numbers(enum, keys["allow_alias"].location if enum.allow_alias else name.location, values)
    return enum


def _proto_name(enum: str, member: str) -> str:
    return f"{snake(enum).upper()}_{member.upper().lstrip('_') or member}"


def _written(node: Node | None, values: Values) -> Iterator[_Member]:
    if isinstance(node, Mapping):
        yield from (_member(name, value, values) for name, value in node.entries.values())
    elif isinstance(node, Sequence):
        yield from map(_Member, values.items(node, "the values of an enum"))
    elif node is not None and not node.empty:
        values.wrong(node.location, Code.WRONG_VALUE, "an enum must be a list of names, or names with numbers")


def _member(name: Scalar, node: Node, values: Values) -> _Member:
    keys: dict[str, Node] = {"number": node}  # the short form: the number alone
    if isinstance(node, Mapping):
        keys = values.keys(node, VALUE, "an enum value")
    elif isinstance(node, Scalar) and node.empty:
        keys = {}
    number = values.integer(keys.get("number"), "the number of an enum value")
    return _Member(
        name,
        number,
        values.text(keys.get("doc"), "'doc'"),
        values.truth(keys.get("deprecated"), "'deprecated'"),
        is_wrong=number is None and "number" in keys,
    )


def _numbered(enum: str, members: list[_Member], reserved: Reserved, values: Values) -> Iterator[EnumValue]:
    """Yield the values with a number each: its own, or where none has one, the next that is free."""
    automatic = all(member.number is None for member in members) or any(member.is_wrong for member in members)
    for member, free in zip(members, free_numbers(0, reserved), strict=False):
        if member.number is None and not automatic:
            message = f"'{member.name.text}' has no number; give one to every value here, or to none"
            values.wrong(member.name.location, Code.MISSING_NUMBER, message)
        yield EnumValue(
            name=_proto_name(enum, member.name.text),
            member=member.name.text,
            number=free if member.number is None else member.number,
            location=member.name.location,
            doc=member.doc,
            deprecated=member.deprecated,
        )


def _check_numbers(enum: Enum, alias_location: Location, values: Values) -> None:
    """Report numbers that proto3 does not allow."""
    if len({member.number for member in enum.values}) == len(enum.values):
        if enum.allow_alias:
            message = f"no two values of '{enum.name}' have the same number; leave 'allow_alias' out"
            values.wrong(alias_location, Code.WRONG_VALUE, message)
    elif not enum.allow_alias:
        _check_aliases(enum, values)
    for member in enum.values:
        if not ENUM_NUMBERS[0] <= member.number <= ENUM_NUMBERS[1]:
            values.wrong(member.location, Code.BAD_NUMBER, f"the number of '{member.member}' must fit into 32 bits")
        if enum.reserved.has_number(member.number):
            message = f"'{member.member}' has the number {member.number}, which is reserved here"
            values.wrong(member.location, Code.RESERVED, message)
    if enum.values and enum.values[0].number != 0:
        message = f"the first value must have the number 0, not {enum.values[0].number}"
        values.wrong(enum.values[0].location, Code.BAD_NUMBER, message)


def _check_names(enum: Enum, values: Values) -> None:
    """Report names that are reserved, or given twice to protobuf's eyes."""
    names: dict[str, EnumValue] = {}
    for member in enum.values:
        if member.name in enum.reserved.names:
            values.wrong(member.location, Code.RESERVED, f"'{member.member}' is reserved here; choose another name")
        former = names.setdefault(member.name.replace("_", ""), member)
        if former is not member:
            values.wrong(member.location, Code.DUPLICATE_NAME, _name_clash(former, member))


def _check_aliases(enum: Enum, values: Values) -> None:
    numbers: dict[int, EnumValue] = {}
    names: set[str] = set()
    for member in enum.values:
        same = numbers.setdefault(member.number, member)
        name = member.name.replace("_", "")
        if same is not member and name not in names:
            message = f"'{member.member}' and '{same.member}' have the same number {member.number}"
            hint = "; if that is meant, say 'allow_alias: true'"
            values.wrong(member.location, Code.DUPLICATE_NUMBER, message + hint)
        names.add(name)


def _name_clash(former: EnumValue, member: EnumValue) -> str:
    if former.member == member.member:
        return f"'{member.member}' is given twice; first on line {former.location.line}"
    return f"'{member.member}' and '{former.member}' are the same name to protobuf, {member.name}"

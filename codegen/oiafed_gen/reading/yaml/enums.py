"""Enums in YAML: a list of names, or names with their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.codes import Code
from oiafed_gen.model import Enum, EnumValue
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar, Sequence
from oiafed_gen.reading.yaml.values import Values
from oiafed_gen.spelling import qualified, snake

_ENUM_KEYS = ("doc", "values", "deprecated")
_MIN_NUMBER, _MAX_NUMBER = -(2**31), 2**31 - 1


def read_enum(package: str, name: Scalar, node: Node, values: Values) -> Enum:
    """Return the enum that `node` declares under `name`."""
    keys: dict[str, Node] = {"values": node}
    if isinstance(node, Mapping):
        keys = values.keys(node, _ENUM_KEYS, "an enum")
    members = tuple(_members(name.text, keys.get("values"), values))
    if not members:
        values.wrong(name.location, Code.EMPTY_ENUM, f"the enum '{name.text}' has no values")
    _check(members, values)
    return Enum(
        name=name.text,
        full_name=qualified(package, name.text),
        location=name.location,
        values=members,
        doc=values.text(keys.get("doc"), "'doc'"),
        deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
    )


def _members(enum: str, node: Node | None, values: Values) -> Iterator[EnumValue]:
    for name, number in _numbered(node, values):
        if values.identifier(name, "an enum value"):
            spelled = name.text.upper().lstrip("_") or name.text
            proto = f"{snake(enum).upper()}_{spelled}"
            yield EnumValue(name=proto, member=name.text, number=number, location=name.location)


def _numbered(node: Node | None, values: Values) -> Iterator[tuple[Scalar, int]]:
    if isinstance(node, Mapping):
        for name, value in node.entries.values():
            yield name, values.integer(value, "the number of an enum value") or 0
    elif isinstance(node, Sequence):
        yield from ((name, number) for number, name in enumerate(values.items(node, "the values of an enum")))
    elif node is not None and not node.empty:
        values.wrong(node.location, Code.WRONG_VALUE, "an enum must be a list of names, or names with numbers")


def _check(members: tuple[EnumValue, ...], values: Values) -> None:
    """Report names and numbers that are given twice, and what proto3 does not allow."""
    names: dict[str, EnumValue] = {}
    numbers: dict[int, EnumValue] = {}
    for member in members:
        former = names.setdefault(member.name.replace("_", ""), member)
        if former is not member:
            values.wrong(member.location, Code.DUPLICATE_NAME, _name_clash(former, member))
        same = numbers.setdefault(member.number, member)
        if same is not member and former is member:
            values.wrong(
                member.location,
                Code.DUPLICATE_NUMBER,
                f"'{member.member}' and '{same.member}' have the same number {member.number}",
            )
        if not _MIN_NUMBER <= member.number <= _MAX_NUMBER:
            values.wrong(member.location, Code.BAD_NUMBER, f"the number of '{member.member}' must fit into 32 bits")
    if members and members[0].number != 0:
        values.wrong(
            members[0].location, Code.BAD_NUMBER, f"the first value must have the number 0, not {members[0].number}"
        )


def _name_clash(former: EnumValue, member: EnumValue) -> str:
    if former.member == member.member:
        return f"'{member.member}' is given twice; first on line {former.location.line}"
    return f"'{member.member}' and '{former.member}' are the same name to protobuf, {member.name}"

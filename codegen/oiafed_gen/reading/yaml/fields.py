"""What must hold among the fields of one YAML type or the parameters of one method."""

from __future__ import annotations

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.model import FIELD_NUMBERS, Label, Reserved
from oiafed_gen.reading.yaml.reserved import free_numbers
from oiafed_gen.reading.yaml.syntax import FieldSyntax
from oiafed_gen.spelling import json_name

_MAX_NUMBER = FIELD_NUMBERS[1]
_PROTOBUFS_OWN = (19_000, 19_999)


def refuse_streams(fields: tuple[FieldSyntax, ...], problems: Problems) -> None:
    """Report fields of a type that are streams."""
    for field in fields:
        if field.type.stream:
            message = (
                f"'{field.name}' cannot be a stream: only what a method takes or returns can; a field can be a list"
            )
            problems.add(field.type_location, Code.MISPLACED_STREAM, message)


def check_streams(params: tuple[FieldSyntax, ...], problems: Problems) -> None:
    """Report what a method cannot take: a second stream, or a stream with a default."""
    streams = [param for param in params if param.type.stream]
    for param in streams[1:]:
        message = f"'{param.name}' and '{streams[0].name}' are both streams; a method takes one at most"
        problems.add(param.type_location, Code.MISPLACED_STREAM, message)
    for param in streams:
        if param.default is not None:
            problems.add(
                param.default.location, Code.MISPLACED_STREAM, f"'{param.name}' is a stream, which has no default"
            )


def check_members(members: tuple[FieldSyntax, ...], problems: Problems) -> None:
    """Report what the members of a one_of cannot be."""
    for member in members:
        if member.type.label is not Label.SINGULAR:
            form = {Label.LIST: "a list", Label.MAP: "a map"}.get(member.type.label, "optional")
            hint = "leave 'optional' out" if form == "optional" else "put it into a type of its own"
            message = f"'{member.name}' cannot be {form}: one member at most of a one_of is set; {hint}"
            problems.add(member.type_location, Code.BAD_ONE_OF, message)
        if member.default is not None:
            message = f"'{member.name}' has no default: where it is not set, another member of the one_of may be"
            problems.add(member.default.location, Code.BAD_ONE_OF, message)


def check_fields(fields: tuple[FieldSyntax, ...], reserved: Reserved, problems: Problems) -> tuple[FieldSyntax, ...]:
    """Report clashes of names and numbers; return the fields with a number each."""
    _check_names(fields, reserved, problems)
    numbered = fields
    if all(field.number is None for field in fields):
        taken = Reserved((*reserved.numbers, _PROTOBUFS_OWN))
        numbers = free_numbers(1, taken)
        numbered = tuple(field._replace(number=number) for field, number in zip(fields, numbers, strict=False))
    _check_numbers(numbered, reserved, problems)
    return numbered


def _check_names(fields: tuple[FieldSyntax, ...], reserved: Reserved, problems: Problems) -> None:
    """Report names that are reserved, and those that protobuf's JSON form cannot tell apart."""
    seen: dict[str, str] = {}
    for field in fields:
        if field.name in reserved.names:
            problems.add(field.location, Code.RESERVED, f"'{field.name}' is reserved here; choose another name")
        former = seen.setdefault(json_name(field.name), field.name)
        if former != field.name:
            spelled = json_name(field.name)
            problems.add(
                field.location,
                Code.JSON_NAME_CLASH,
                f"'{field.name}' and '{former}' are both '{spelled}' in protobuf's JSON form",
            )


def _check_numbers(fields: tuple[FieldSyntax, ...], reserved: Reserved, problems: Problems) -> None:
    seen: dict[int, str] = {}
    for field in fields:
        if field.number is None:
            problems.add(
                field.location,
                Code.MISSING_NUMBER,
                f"'{field.name}' has no 'id'; give one to every field here, or to none",
            )
            continue
        former = seen.setdefault(field.number, field.name)
        if former != field.name:
            problems.add(
                field.location, Code.DUPLICATE_NUMBER, f"'{field.name}' and '{former}' have the same id {field.number}"
            )
        _check_number(field, field.number, reserved, problems)


def _check_number(field: FieldSyntax, number: int, reserved: Reserved, problems: Problems) -> None:
    if not 1 <= number <= _MAX_NUMBER:
        problems.add(
            field.location, Code.BAD_NUMBER, f"'{field.name}': an id must be from 1 to {_MAX_NUMBER}, not {number}"
        )
    if _PROTOBUFS_OWN[0] <= number <= _PROTOBUFS_OWN[1]:
        problems.add(
            field.location, Code.BAD_NUMBER, f"'{field.name}': the ids 19000 to 19999 are reserved by protobuf"
        )
    if reserved.has_number(number):
        problems.add(field.location, Code.RESERVED, f"'{field.name}' has the id {number}, which is reserved here")

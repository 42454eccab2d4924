"""What must hold among the fields of one YAML type or the parameters of one method."""

from __future__ import annotations

import dataclasses

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.reading.yaml.syntax import FieldSyntax
from oiafed_gen.spelling import json_name

_MAX_NUMBER = 536_870_911
_RESERVED_NUMBERS = range(19_000, 20_000)


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


def check_fields(fields: tuple[FieldSyntax, ...], problems: Problems) -> tuple[FieldSyntax, ...]:
    """Report clashes of names and numbers; return the fields with a number each."""
    _check_names(fields, problems)
    given = [field for field in fields if field.number is not None]
    if not given:
        return tuple(dataclasses.replace(field, number=number) for number, field in enumerate(fields, 1))
    _check_numbers(fields, problems)
    return fields


def _check_names(fields: tuple[FieldSyntax, ...], problems: Problems) -> None:
    """Report names that protobuf's JSON form cannot tell apart."""
    seen: dict[str, str] = {}
    for field in fields:
        former = seen.setdefault(json_name(field.name), field.name)
        if former != field.name:
            spelled = json_name(field.name)
            problems.add(
                field.location,
                Code.JSON_NAME_CLASH,
                f"'{field.name}' and '{former}' are both '{spelled}' in protobuf's JSON form",
            )


def _check_numbers(fields: tuple[FieldSyntax, ...], problems: Problems) -> None:
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
        if not 1 <= field.number <= _MAX_NUMBER:
            problems.add(
                field.location,
                Code.BAD_NUMBER,
                f"'{field.name}': an id must be from 1 to {_MAX_NUMBER}, not {field.number}",
            )
        if field.number in _RESERVED_NUMBERS:
            problems.add(
                field.location, Code.BAD_NUMBER, f"'{field.name}': the ids 19000 to 19999 are reserved by protobuf"
            )

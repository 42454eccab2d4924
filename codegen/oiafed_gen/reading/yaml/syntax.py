"""What a YAML schema file declares, before its names are looked up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from oiafed_gen.diagnostics import Location
from oiafed_gen.model import NONE_RESERVED, Enum, OneOf, Reserved
from oiafed_gen.reading.type_syntax import TypeSyntax
from oiafed_gen.reading.yaml.tree import Scalar


class FieldSyntax(NamedTuple):
    """A field or parameter.

    Attributes:
        type_location: Where its type's text starts.
        one_of: The name of the one_of that it is a member of; "" for none.
    """

    name: str
    location: Location
    type: TypeSyntax
    type_location: Location
    one_of: str = ""
    number: int | None = None
    default: Scalar | None = None
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordSyntax:
    """A type or an error, with the types and enums declared in it; the enums refer to nothing and are complete."""

    name: str
    full_name: str
    location: Location
    fields: tuple[FieldSyntax, ...]
    is_error: bool
    one_ofs: tuple[OneOf, ...] = ()
    reserved: Reserved = NONE_RESERVED
    records: tuple[RecordSyntax, ...] = ()
    enums: tuple[Enum, ...] = ()
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodSyntax:
    """A method; `returns` is None where it returns nothing."""

    name: str
    location: Location
    params: tuple[FieldSyntax, ...] = ()
    reserved: Reserved = NONE_RESERVED
    returns: FieldSyntax | None = None
    timeout: float | None = None
    idempotent: bool = False
    callers: tuple[Scalar, ...] = ()
    errors: tuple[Scalar, ...] = ()
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoleSyntax:
    """A role."""

    name: str
    location: Location
    methods: tuple[MethodSyntax, ...]
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileSyntax:
    """A file; its enums refer to nothing and are complete already."""

    path: str
    package: str
    python: str
    doc: str = ""
    deprecated: bool = False
    imports: tuple[Scalar, ...] = ()
    enums: tuple[Enum, ...] = ()
    records: tuple[RecordSyntax, ...] = ()
    roles: tuple[RoleSyntax, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without folder and ending."""
        return self.path.rpartition("/")[2].rpartition(".")[0]


def walk_records(records: tuple[RecordSyntax, ...]) -> Iterator[RecordSyntax]:
    """Yield the records and all that are nested in them, outer ones first."""
    for record in records:
        yield record
        yield from walk_records(record.records)

"""What a YAML schema file declares, before its names are looked up."""

from __future__ import annotations

import dataclasses

from oiafed_gen.diagnostics import Location
from oiafed_gen.model import Enum
from oiafed_gen.reading.type_syntax import TypeSyntax
from oiafed_gen.reading.yaml.tree import Scalar


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FieldSyntax:
    """A field or parameter; `type_location` is where its type's text starts."""

    name: str
    location: Location
    type: TypeSyntax
    type_location: Location
    number: int | None = None
    default: Scalar | None = None
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordSyntax:
    """A type or an error."""

    name: str
    location: Location
    fields: tuple[FieldSyntax, ...]
    is_error: bool
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodSyntax:
    """A method; `returns` is None where it returns nothing."""

    name: str
    location: Location
    params: tuple[FieldSyntax, ...] = ()
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
    imports: tuple[Scalar, ...] = ()
    enums: tuple[Enum, ...] = ()
    records: tuple[RecordSyntax, ...] = ()
    roles: tuple[RoleSyntax, ...] = ()

    @property
    def stem(self) -> str:
        """The file's name without folder and ending."""
        return self.path.rpartition("/")[2].rpartition(".")[0]

"""The Python that users of a schema rely on: names, annotations and defaults, as they are generated."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator

from oiafed_gen.diagnostics import Location
from oiafed_gen.generate import Resolved
from oiafed_gen.model import Field, File, Kind, Label, Message, Method, Role
from oiafed_gen.python.scope import ModuleScope
from oiafed_gen.python.signatures import CALLED_STREAM, Signature, Signatures
from oiafed_gen.python.table import Package, Table, walk_python

ERROR = "an error"
"""The kind of a record that is raised."""

_ALIAS = re.compile(r"\b_\w+\.")
_EMPTY = {Label.LIST: "[]", Label.MAP: "{}"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A field or a parameter.

    Attributes:
        name: Its name in Python.
        proto: Its name in proto.
        annotation: Its type, as generated modules spell it.
        default: Its default as an expression; "" where it has none and a value must be given.
        named: The full proto name of the message or enum that it holds, if it holds any.
        by_position: Whether it can be given without its name.
    """

    name: str
    proto: str
    number: int
    location: Location
    annotation: str
    named: str
    default: str = ""
    by_position: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A dataclass or an exception.

    Attributes:
        name: Its name, behind those of the classes around it.
        package: The folders of its package.
        kind: What it is to people.
        slots: Its fields.
        one_ofs: The proto names of its oneofs by the names of the attributes that tell which member is set.
    """

    name: str
    package: Package
    kind: str
    slots: tuple[Slot, ...]
    one_ofs: dict[str, str]
    location: Location


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A method.

    Attributes:
        owner: The full name of the message that its parameters are the fields of; of the method itself if it takes
            the message.
        unpacks: Whether its parameters are the fields of a message.
        result: The annotation of its result, or of one item of it.
        result_named: The full proto name of the message or enum that it gives, if it gives any.
        result_path: The full name of the field that is its result; of the method itself if that is a whole message.
        streams: Whether it takes a stream, and whether it gives one.
    """

    name: str
    owner: str
    unpacks: bool
    parameters: tuple[Slot, ...]
    result: str
    result_named: str
    result_path: str
    result_location: Location
    streams: tuple[bool, bool]
    callers: frozenset[str]
    location: Location


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoleSurface:
    """The classes of a role, and their methods by their names on the wire."""

    name: str
    location: Location
    operations: dict[str, Operation]


@dataclasses.dataclass(frozen=True, slots=True)
class Surface:
    """Everything, by full proto names."""

    records: dict[str, Record]
    roles: dict[str, RoleSurface]


def surface_of(resolved: Resolved) -> Surface:
    """Return the Python of a schema."""
    table = resolved.table
    records = {m.full_name: _record(table, m) for file in table.files for m in walk_python(file)}
    roles = {
        module.role.service: _role(table, package, module.role, module.file, module.methods)
        for package, modules in resolved.modules.items()
        for module in modules
    }
    return Surface(records, roles)


def _record(table: Table, message: Message) -> Record:
    type_ = table.types[message.full_name]
    scope = ModuleScope(table, type_.package, (), is_types=False)
    return Record(
        name=".".join(type_.path),
        package=type_.package,
        kind=ERROR if message.is_error else "a type",
        slots=tuple(_slot(table, scope, message, field) for field in message.fields),
        one_ofs={python: proto for proto, python in type_.one_ofs.items()},
        location=message.location,
    )


def _slot(table: Table, scope: ModuleScope, message: Message, field: Field) -> Slot:
    optional = table.is_optional(message, field)
    default = "None" if optional else scope.default(field)
    return Slot(
        name=table.types[message.full_name].attributes[field.name],
        proto=field.name,
        number=field.number,
        location=field.location,
        annotation=shown(scope.annotation(field, optional=optional)),
        named=_named(field),
        default=shown(default) or ("" if message.is_error else _EMPTY.get(field.label, "")),
    )


def _role(table: Table, package: Package, role: Role, file: File, names: dict[str, str]) -> RoleSurface:
    signatures = Signatures(table, ModuleScope(table, package, (), is_types=False), names)
    operations = {m.rpc: _operation(table, f"{role.service}.{m.rpc}", m, signatures.of(m)) for m in role.methods}
    return RoleSurface(name=role.name, location=role.location, operations=operations)


def _operation(table: Table, path: str, method: Method, signature: Signature) -> Operation:
    request, response = table.unpacked(method), table.messages.get(method.response)
    value = response.fields[0] if response and response.wire_only and len(response.fields) == 1 else None
    return Operation(
        name=signature.name,
        owner=request.full_name if request else path,
        unpacks=request is not None,
        parameters=tuple(_parameters(method, signature, request.fields if request else ())),
        result=shown(signature.result),
        result_named=_named(value) if value else method.response,
        result_path=f"{method.response}.{value.name}" if value else path,
        result_location=value.location if value else method.location,
        streams=(method.client_stream, method.server_stream),
        callers=frozenset(caller.name for caller in method.callers),
        location=method.location,
    )


def _named(field: Field) -> str:
    return "" if field.type.kind is Kind.SCALAR else field.type.name


def shown(expression: str) -> str:
    """Return an annotation or a default without the names of the modules that its types come from."""
    return _ALIAS.sub("", expression)


def _parameters(method: Method, signature: Signature, fields: tuple[Field, ...]) -> Iterator[Slot]:
    for parameter, field in itertools.zip_longest(signature.parameters, fields):
        yield Slot(
            name=parameter.name,
            proto=field.name if field else parameter.name,
            number=field.number if field else 1,
            location=field.location if field else method.location,
            annotation=shown(parameter.typed(CALLED_STREAM)),
            named=_named(field) if field else method.request,
            default=shown(parameter.default),
            by_position=parameter.by_position,
        )

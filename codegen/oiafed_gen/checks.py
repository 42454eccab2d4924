"""What must hold for a schema as a whole, after each file has been read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems, suggestion
from oiafed_gen.graphs import cycles
from oiafed_gen.model import Enum, File, Label, Message, walk_enums, walk_messages, walk_methods
from oiafed_gen.python.table import Table
from oiafed_gen.spelling import map_entry


def check(files: Sequence[File], problems: Problems, *, complete: bool = True) -> None:
    """Report mistakes that span declarations or files; what may be declared elsewhere only where all are there."""
    _check_option_names(files, problems)
    _check_type_names(files, problems)
    _check_duplicates(files, problems)
    if complete:
        _check_callers(files, problems)
    _check_errors(files, problems)


def check_modules(table: Table, problems: Problems) -> None:
    """Report files whose messages would be generated into the same module."""
    owners: dict[object, str] = {}
    for file in table.files:
        module = table.wire_module(file.proto_name)
        owner = owners.setdefault(module, file.path)
        if owner != file.path:
            message = f"its messages would go into the same Python module as those of {owner}; rename one of the files"
            problems.add(Location(file.path), Code.FILE_CLASH, message)


def check_defaults(table: Table, problems: Problems) -> None:
    """Report defaults of errors that Python would look for in a class that comes later, or is not complete yet."""
    for file in table.files:
        for message in walk_messages(file.messages):
            for field in message.fields if message.is_error else ():
                if field.default and _comes_later(table, message, field.type.name):
                    enum = field.type.name.rpartition(".")[2]
                    text = f"the default of '{field.name}' needs '{enum}', which is inside another type; move it out"
                    problems.add(field.location, Code.BAD_DEFAULT, text)


def _comes_later(table: Table, error: Message, enum: str) -> bool:
    """Whether the class that an enum is in may be defined behind that of an error, or around it.

    At the top of a module errors come behind all records.
    """
    if not table.is_nested_elsewhere(error, enum):
        return False
    here, there = table.types[error.full_name], table.types[enum]
    files = table.packages[there.package]
    errors = {table.types[m.full_name].path[0] for file in files for m in file.messages if m.is_error}
    return len(here.path) > 1 or there.path[0] in errors


def check_packages(table: Table, problems: Problems) -> None:
    """Report Python packages that need one another's types, since neither could be imported first."""
    owner = {file.proto_name: ".".join(package) for package, files in table.packages.items() for file in files}
    edges: dict[str, set[str]] = {name: set() for name in owner.values()}
    for file in table.files:
        edges[owner[file.proto_name]] |= {owner[name] for name in file.imports if name in owner}
    for members in cycles({name: targets - {name} for name, targets in edges.items()}):
        files = [file for file in table.files if owner[file.proto_name] in members]
        importing = min(file.path for file in files if any(owner.get(name) in members for name in file.imports))
        listed = ", ".join(sorted(members))
        problems.add(
            Location(importing),
            Code.PACKAGE_CYCLE,
            f"the packages {listed} import one another; move what they share to another",
        )


def _check_option_names(files: Sequence[File], problems: Problems) -> None:
    """Report names in options of .proto files that are not names; protoc sees only texts there."""
    for file in files:
        if not (file.is_yaml or all(part.isidentifier() and part.isascii() for part in file.python.split("."))):
            problems.add(Location(file.path), Code.BAD_NAME, f"'{file.python}' cannot name a Python package")
        for role in file.roles:
            if not (role.name.isidentifier() and role.name.isascii()):
                problems.add(
                    role.location, Code.BAD_NAME, f"'{role.name}' cannot name a role; use letters, digits and '_'"
                )


def _check_type_names(files: Sequence[File], problems: Problems) -> None:
    """Report types that would hide what protobuf's modules use themselves."""
    for file in files:
        items: list[Enum | Message] = [*walk_enums(file), *walk_messages(file.messages)]
        for item in items:
            if item.name.startswith("_") or item.name == "DESCRIPTOR":
                problems.add(
                    item.location,
                    Code.RESERVED_WORD,
                    f"'{item.name}' cannot name a type: protobuf's Python keeps such names",
                )


def _check_duplicates(files: Sequence[File], problems: Problems) -> None:
    """Report names that are declared twice in a package; protoc has done so among .proto files."""
    first: dict[str, _Declared] = {}
    clashing: set[Location] = set()
    for file in sorted(files, key=lambda file: file.is_yaml):
        for name, declared in _declared(file):
            former = first.setdefault(name, declared)
            if former is declared or not file.is_yaml or declared.location in clashing:
                continue
            if declared.owner is None or declared.owner is not former.owner:  # reported when the enum was read
                clashing.add(declared.location)
                place = f"{former.location.file}:{former.location.line}"
                problems.add(
                    declared.location,
                    Code.DUPLICATE_NAME,
                    f"{declared.what} is already declared as {former.what} ({place})",
                )


@dataclasses.dataclass(frozen=True, slots=True)
class _Declared:
    """Something that has a name in a package or message; `owner` is the enum of an enum's value."""

    what: str
    location: Location
    owner: Enum | None = None


def _declared(file: File) -> Iterator[tuple[str, _Declared]]:
    """Yield the full names that a file declares; those that others are made from come first.

    Of the insides of messages protoc tells in .proto files, where the names are in one file always.
    """
    for role in file.roles:
        service = role.service.rpartition(".")[2]
        yield role.service, _Declared(f"'{service}', the service of '{role.name}',", role.location)
        for method in role.methods:
            what = f"'{method.rpc}', the method '{method.name}',"
            yield f"{role.service}.{method.rpc}", _Declared(what, method.location)
    yield from _declared_enums(file.enums)
    for message in file.messages:
        extra = ", which holds what a method takes or returns," if message.wire_only else ""
        yield message.full_name, _Declared(f"'{message.name}'{extra}", message.location)
        if file.is_yaml:
            yield from _declared_inside(message)


def _declared_enums(enums: Sequence[Enum]) -> Iterator[tuple[str, _Declared]]:
    for enum in enums:
        yield enum.full_name, _Declared(f"'{enum.name}'", enum.location)
        for value in enum.values:
            what = f"'{value.name}', the value '{value.member}' of '{enum.name}',"
            yield f"{enum.full_name.rpartition('.')[0]}.{value.name}", _Declared(what, value.location, enum)


def _declared_inside(message: Message) -> Iterator[tuple[str, _Declared]]:
    yield from _declared_enums(message.enums)
    for inner in message.messages:
        yield inner.full_name, _Declared(f"'{inner.name}'", inner.location)
        yield from _declared_inside(inner)
    for field in message.fields:
        yield f"{message.full_name}.{field.name}", _Declared(f"'{field.name}'", field.location)
        if field.label is Label.MAP:
            entry = map_entry(field.name)
            yield f"{message.full_name}.{entry}", _Declared(f"'{entry}', the entries of the map,", field.location)
    for one_of in message.one_ofs:
        yield f"{message.full_name}.{one_of.name}", _Declared(f"'{one_of.name}'", one_of.location)


def _check_callers(files: Sequence[File], problems: Problems) -> None:
    """Report callers that look misspelt. A role that only calls need not be declared anywhere."""
    known = {role.name for file in files for role in file.roles}
    for file in files:
        for caller in (caller for method in walk_methods(file) for caller in method.callers):
            hint = suggestion(caller.name, known)
            if caller.name not in known and (hint or not caller.name):
                problems.add(caller.location, Code.UNKNOWN_ROLE, f"unknown role '{caller.name}'{hint}")


def _check_errors(files: Sequence[File], problems: Problems) -> None:
    """Report errors that are used as values."""
    errors = {m.full_name for file in files for m in walk_messages(file.messages) if m.is_error}
    for file in files:
        for message in walk_messages(file.messages):
            _check_fields(message, errors, problems)
        for method in walk_methods(file):
            if {method.request, method.response} & errors:
                text = f"'{method.name}' takes or returns an error; methods raise errors"
                problems.add(method.location, Code.ERROR_AS_VALUE, text)


def _check_fields(message: Message, errors: set[str], problems: Problems) -> None:
    for field in message.fields:
        if field.type.name in errors:
            name = field.type.name.rpartition(".")[2]
            problems.add(
                field.location, Code.ERROR_AS_VALUE, f"'{name}' is an error: methods raise it, but no field can hold it"
            )

"""From what a YAML file declares to the model: names looked up, methods lowered to services and messages."""

from __future__ import annotations

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems, suggestion
from oiafed_gen.model import (
    NONE_RESERVED,
    Default,
    Enum,
    Field,
    File,
    Kind,
    Label,
    Mention,
    Message,
    Method,
    Reserved,
    Role,
    TypeRef,
)
from oiafed_gen.provided import EMPTY, NATIVE, PACKAGES, WELL_KNOWN, is_native, provider, refusal
from oiafed_gen.python.names import module_name
from oiafed_gen.reading.defaults import DefaultError, parse_default
from oiafed_gen.reading.symbols import Scope, Symbol, SymbolKind
from oiafed_gen.reading.type_syntax import HABITS, SCALARS
from oiafed_gen.reading.yaml.syntax import FieldSyntax, FileSyntax, MethodSyntax, RecordSyntax, RoleSyntax, walk_records
from oiafed_gen.reading.yaml.tree import Scalar
from oiafed_gen.spelling import pascal, qualified


def symbols_of(file: FileSyntax) -> tuple[Symbol, ...]:
    """Return the types that a YAML file declares."""
    records = tuple(walk_records(file.records))
    enums = (*file.enums, *(enum for record in records for enum in record.enums))
    return (
        *(_enum_symbol(file, enum) for enum in enums),
        *(
            Symbol(
                record.full_name,
                file.package,
                SymbolKind.ERROR if record.is_error else SymbolKind.MESSAGE,
                record.location,
            )
            for record in records
        ),
    )


def _enum_symbol(file: FileSyntax, enum: Enum) -> Symbol:
    values = tuple((value.member, value.name) for value in enum.values)
    return Symbol(enum.full_name, file.package, SymbolKind.ENUM, enum.location, values)


def proto_name_of(file: FileSyntax) -> str:
    """Return the name of the file's proto form in imports."""
    return f"{file.python.replace('.', '/')}/wire/{module_name(file.stem)}.proto"


def lower_file(
    file: FileSyntax, imports: tuple[str, ...], visible: Scope, elsewhere: dict[str, str], problems: Problems
) -> File:
    """Return the model of a YAML file.

    Args:
        file: What it declares.
        imports: The proto names of the files it imports.
        visible: The types it can name.
        elsewhere: For types in files that it does not import, by short and full name, the path of the file.
        problems: Takes the mistakes found.
    """
    return _Lowering(file, visible, elsewhere, problems).file(imports)


class _Lowering:
    """Makes the model of one file."""

    def __init__(self, file: FileSyntax, visible: Scope, elsewhere: dict[str, str], problems: Problems) -> None:
        self._file = file
        self._visible = visible
        self._elsewhere = elsewhere
        self._problems = problems
        self._natives: set[str] = set()

    def file(self, imports: tuple[str, ...]) -> File:
        """Make the model of the file."""
        file = self._file
        records = tuple(self._record(record) for record in file.records)
        roles, wires = self._roles()
        extra = sorted(provider(name) for name in self._natives)
        if self._needs_options():
            extra.append("oiafed/v1/options.proto")
        return File(
            path=file.path,
            proto_name=proto_name_of(file),
            package=file.package,
            python=file.python,
            is_yaml=True,
            imports=tuple(sorted({*imports, *extra})),
            messages=(*records, *wires),
            enums=file.enums,
            roles=roles,
            doc=file.doc,
            deprecated=file.deprecated,
        )

    def _needs_options(self) -> bool:
        file = self._file
        records = tuple(walk_records(file.records))
        defaults = any(field.default for record in records for field in record.fields)
        return bool(file.roles) or file.python != file.package or defaults or any(r.is_error for r in records)

    def _record(self, record: RecordSyntax) -> Message:
        return Message(
            name=record.name,
            full_name=record.full_name,
            location=record.location,
            fields=self._fields(record.fields, record.full_name),
            one_ofs=record.one_ofs,
            messages=tuple(self._record(inner) for inner in record.records),
            enums=record.enums,
            reserved=record.reserved,
            is_error=record.is_error,
            doc=record.doc,
            deprecated=record.deprecated,
        )

    def _fields(self, fields: tuple[FieldSyntax, ...], outer: str) -> tuple[Field, ...]:
        made = (self._field(field, outer) for field in fields)
        return tuple(field for field in made if field is not None)

    def _field(self, field: FieldSyntax, outer: str) -> Field | None:
        symbol = self._look_up(field, outer)
        if symbol is None:
            return None
        type_, values = symbol
        return Field(
            name=field.name,
            location=field.location,
            type=type_,
            label=field.type.label,
            number=field.number or 0,
            key=field.type.key,
            stream=field.type.stream,
            one_of=field.one_of,
            default=self._default(field, type_, values),
            doc=field.doc,
            deprecated=field.deprecated,
        )

    def _default(self, field: FieldSyntax, type_: TypeRef, values: tuple[tuple[str, str], ...]) -> Default | None:
        if field.default is None or field.type.stream:
            return None
        try:
            return parse_default(field.default.text, type_, field.type.label, values)
        except DefaultError as error:
            self._problems.add(field.default.location, Code.BAD_DEFAULT, str(error))
            return None

    def _look_up(self, field: FieldSyntax, outer: str) -> tuple[TypeRef, tuple[tuple[str, str], ...]] | None:
        """Return the type of a field, with the values if it is an enum.

        Args:
            field: The field.
            outer: The full name of the type that it is in, or of the package.
        """
        name = field.type.name
        if name in SCALARS:
            return TypeRef(Kind.SCALAR, name), ()
        if name in NATIVE:
            self._natives.add(NATIVE[name])
            return TypeRef(Kind.MESSAGE, NATIVE[name]), ()
        location = field.type_location.shifted(field.type.offset)
        symbol = self._symbol(name, location, Code.UNKNOWN_TYPE, outer)
        if symbol is None:
            return None
        if is_native(symbol.full_name):
            self._natives.add(symbol.full_name)
        elif symbol.package in PACKAGES:
            self._problems.add(location, Code.UNSUPPORTED, refusal(symbol.full_name))
            return None
        if symbol.kind is SymbolKind.ERROR:
            self._problems.add(
                location,
                Code.ERROR_AS_VALUE,
                f"'{name}' is an error: methods raise it, but no field or result can hold it",
            )
            return None
        kind = Kind.ENUM if symbol.kind is SymbolKind.ENUM else Kind.MESSAGE
        return TypeRef(kind, symbol.full_name), symbol.values

    def _symbol(self, name: str, location: Location, code: Code, outer: str) -> Symbol | None:
        found = self._visible.find(name, outer)
        if len(found) == 1:
            return found[0]
        if found:
            choices = " or ".join(f"'{symbol.full_name}'" for symbol in found)
            self._problems.add(location, Code.AMBIGUOUS_NAME, f"'{name}' is ambiguous: write {choices}")
        else:
            hint = self._hint(name, outer) if code is Code.UNKNOWN_TYPE else suggestion(name, self._visible.errors)
            self._problems.add(location, code, f"unknown {code.removeprefix('unknown-')} '{name}'{hint}")
        return None

    def _hint(self, name: str, outer: str) -> str:
        if name in self._elsewhere:
            return f"; it is declared in {self._elsewhere[name]}, which is not imported here"
        if name in HABITS:
            return f"; did you mean '{HABITS[name]}'?"
        if f"google.protobuf.{name}" in WELL_KNOWN:
            return f"; did you mean 'google.protobuf.{name}'?"
        return suggestion(name, {*self._visible.names, *self._visible.names_within(outer), *SCALARS, *NATIVE})

    def _roles(self) -> tuple[tuple[Role, ...], tuple[Message, ...]]:
        roles: list[Role] = []
        wires: list[Message] = []
        for role in self._file.roles:
            methods: list[Method] = []
            for method in role.methods:
                lowered, messages = self._method(role, method)
                methods.append(lowered)
                wires.extend(messages)
            roles.append(
                Role(
                    name=role.name,
                    service=qualified(self._file.package, pascal(role.name)),
                    location=role.location,
                    methods=tuple(methods),
                    doc=role.doc,
                    deprecated=role.deprecated,
                )
            )
        return tuple(roles), tuple(wires)

    def _method(self, role: RoleSyntax, method: MethodSyntax) -> tuple[Method, list[Message]]:
        stem = pascal(role.name) + pascal(method.name)
        request = self._wire(f"{stem}Request", method, self._fields(method.params, self._file.package), method.reserved)
        messages = [request]
        returns = method.returns
        response = None
        if returns is not None:
            response = self._result(returns)
        if response is None or not _is_record(response):
            messages.append(self._wire(f"{stem}Response", method, (response,) if response else ()))
        return (
            Method(
                name=method.name,
                rpc=pascal(method.name),
                location=method.location,
                request=request.full_name,
                response=response.type.name if response and _is_record(response) else messages[-1].full_name,
                unpack=True,
                client_stream=any(field.stream for field in request.fields),
                server_stream=returns is not None and returns.type.stream,
                timeout=method.timeout,
                idempotent=method.idempotent,
                callers=tuple(Mention(caller.text, caller.location) for caller in method.callers),
                errors=self._errors(method.errors),
                doc=method.doc,
                deprecated=method.deprecated,
            ),
            messages,
        )

    def _result(self, returns: FieldSyntax) -> Field | None:
        found = self._look_up(returns, self._file.package)
        if found is None:
            return None
        return Field(
            name="value",
            location=returns.location,
            type=found[0],
            label=returns.type.label,
            number=1,
            key=returns.type.key,
        )

    def _wire(
        self, name: str, method: MethodSyntax, fields: tuple[Field, ...], reserved: Reserved = NONE_RESERVED
    ) -> Message:
        return Message(
            name=name,
            full_name=qualified(self._file.package, name),
            location=method.location,
            fields=fields,
            reserved=reserved,
            wire_only=True,
        )

    def _errors(self, names: tuple[Scalar, ...]) -> tuple[Mention, ...]:
        found: list[Mention] = []
        for name in names:
            symbol = self._symbol(name.text, name.location, Code.UNKNOWN_ERROR, self._file.package)
            if symbol is None:
                continue
            of_proto = symbol.location.file.endswith(".proto") and symbol.package not in PACKAGES
            if symbol.kind is SymbolKind.ERROR or (of_proto and symbol.kind is SymbolKind.MESSAGE):
                found.append(Mention(symbol.full_name, name.location))
            else:
                self._problems.add(
                    name.location, Code.NOT_AN_ERROR, f"'{name.text}' is {symbol.kind.value}; declare it under 'errors'"
                )
        return tuple(found)


def _is_record(field: Field) -> bool:
    """Whether a result is itself a message that a method can return."""
    if field.type.kind is not Kind.MESSAGE or field.label is not Label.SINGULAR:
        return False
    return field.type.name == EMPTY or not is_native(field.type.name)

"""What the template of types.py lays out."""

from __future__ import annotations

import dataclasses

from oiafed_gen.model import Enum, Field, File, Label, Message
from oiafed_gen.python.docs import docstring, documented, joined, note
from oiafed_gen.python.scope import Imports, ModuleScope, is_classed
from oiafed_gen.python.signatures import Parameter
from oiafed_gen.python.table import Package, Table, walk_python


@dataclasses.dataclass(frozen=True, slots=True)
class EnumView:
    """An enum class; `members` are statements with their docstrings."""

    name: str
    doc: str
    members: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class NestedView:
    """The classes nested in a class."""

    enums: tuple[EnumView, ...]
    records: tuple[RecordView, ...]
    errors: tuple[ErrorView, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class RecordView:
    """A dataclass; `base` is the class that it derives from, and `fields` are statements with their docstrings."""

    name: str
    base: str
    doc: str
    nested: NestedView
    fields: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class ErrorView:
    """An exception class.

    Attributes:
        fields: Statements with their docstrings: annotations, and what tells which member of a oneof is set.
        parameters: The parameters of its constructor.
        body: The statements of its constructor, the docstring first if there is one.
    """

    name: str
    doc: str
    nested: NestedView
    fields: tuple[str, ...]
    parameters: tuple[str, ...]
    body: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class TypesView:
    """The module."""

    header: str
    doc: str
    imports: Imports
    enums: tuple[EnumView, ...]
    records: tuple[RecordView, ...]
    errors: tuple[ErrorView, ...]
    bindings: tuple[str, ...]


def types_view(table: Table, package: Package, files: tuple[File, ...], header: str) -> TypesView:
    """Return what the types.py of a package holds."""
    return _Types(table, package).view(files, header)


class _Types:
    """Makes the view of one types.py."""

    def __init__(self, table: Table, package: Package) -> None:
        own = {type_.path[0] for type_ in table.types.values() if type_.package == package}
        self._table = table
        self._scope = ModuleScope(table, package, own, is_types=True)

    def view(self, files: tuple[File, ...], header: str) -> TypesView:
        """Return the whole module."""
        messages = [message for file in files for message in file.messages if not message.wire_only]
        enums = tuple(self._enum(enum) for file in files for enum in file.enums)
        records = tuple(self._record(message) for message in messages if not message.is_error)
        errors = tuple(self._error(message) for message in messages if message.is_error)
        bindings = tuple(self._binding(message) for file in files for message in walk_python(file))
        return TypesView(
            header=header,
            doc=docstring(joined(files)),
            imports=self._scope.imports(),
            enums=enums,
            records=records,
            errors=errors,
            bindings=bindings,
        )

    def _enum(self, enum: Enum) -> EnumView:
        self._scope.alias("_rpc")
        type_ = self._table.types[enum.full_name]
        notes = [(type_.attributes[value.name], note(value.doc, value.deprecated)) for value in enum.values]
        numbers = (value.number for value in enum.values)
        return EnumView(
            name=type_.path[-1],
            doc=docstring(enum.doc, notes, title=f"The enumeration `{enum.name}`.", deprecated=enum.deprecated),
            members=tuple(
                documented(f"{name} = {number}", text) for (name, text), number in zip(notes, numbers, strict=True)
            ),
        )

    def _record(self, message: Message) -> RecordView:
        hidden = self._hidden(message)
        one_ofs = self._one_ofs(message)
        fields = tuple(self._field(message, field, hidden) for field in message.fields)
        return RecordView(
            name=self._table.types[message.full_name].path[-1],
            base=self._scope.alias("_rpc", "OneOfRecord" if one_ofs else "Record"),
            doc=self._doc(message),
            nested=self._nested(message),
            fields=(*one_ofs, *fields),
        )

    def _nested(self, message: Message) -> NestedView:
        return NestedView(
            enums=tuple(self._enum(enum) for enum in message.enums),
            records=tuple(self._record(inner) for inner in message.messages if not inner.is_error),
            errors=tuple(self._error(inner) for inner in message.messages if inner.is_error),
        )

    def _one_ofs(self, message: Message) -> tuple[str, ...]:
        """Return the statements of the attributes that tell which member of a oneof is set."""
        type_ = self._table.types[message.full_name]
        return tuple(
            documented(self._one_of(type_.one_ofs[each.name], [type_.attributes[m] for m in each.members]), each.doc)
            for each in message.one_ofs
        )

    def _one_of(self, name: str, members: list[str]) -> str:
        quoted = ", ".join(f'"{member}"' for member in members)
        literal = f"{self._scope.alias('_typing', 'Literal')}[{quoted}]"
        descriptor = self._scope.alias("_rpc", "OneOf")
        annotation = f"{self._scope.alias('_typing', 'ClassVar')}[{descriptor}[{literal}]]"
        return f"{name}: {annotation} = {descriptor}({quoted})"

    def _hidden(self, message: Message) -> frozenset[str]:
        """Return the names that mean something else inside the class than outside."""
        nested: tuple[Enum | Message, ...] = (*message.enums, *message.messages)
        type_ = self._table.types[message.full_name]
        classes = (self._table.types[item.full_name].path[-1] for item in nested)
        return frozenset((*type_.attributes.values(), *type_.one_ofs.values(), *classes))

    def _doc(self, message: Message) -> str:
        """Return a record's docstring: always one, for making up its own takes dataclasses longer than all the rest."""
        doc = message.doc or f"The record `{message.name}`."
        names = self._table.types[message.full_name].one_ofs
        notes = [*((names[one_of.name], one_of.doc) for one_of in message.one_ofs), *self._notes(message)]
        return docstring(doc, notes, deprecated=message.deprecated)

    def _notes(self, message: Message) -> list[tuple[str, str]]:
        """Return the fields that have something said of them, and what."""
        attributes = self._table.types[message.full_name].attributes
        notes = ((attributes[f.name], note(f.doc, f.deprecated)) for f in message.fields)
        return [(name, text) for name, text in notes if text]

    def _field(self, message: Message, field: Field, hidden: frozenset[str]) -> str:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional, hidden=hidden)
        default = self._default(message, field, hidden)
        if field.label in (Label.LIST, Label.MAP):
            empty = "{}" if field.label is Label.MAP else "[]"  # a literal: calling list[str] takes five times as long
            default = f"{self._scope.alias('_dataclasses', 'field')}(default_factory=lambda: {empty})"
        elif optional:
            default = "None"
        name = self._table.types[message.full_name].attributes[field.name]
        statement = f"{name}: {annotation} = {default}" if default else f"{name}: {annotation}"
        return documented(statement, note(field.doc, field.deprecated))

    def _default(self, message: Message, field: Field, hidden: frozenset[str]) -> str:
        """Return the default of a record's field; that of an enum inside a class that may come later is made later."""
        default = self._scope.default(field, hidden, self._table.types[message.full_name].path)
        if field.default is None or not self._table.is_nested_elsewhere(message, field.type.name):
            return default
        return f"{self._scope.alias('_dataclasses', 'field')}(default_factory=lambda: {default})"

    def _error(self, message: Message) -> ErrorView:
        type_ = self._table.types[message.full_name]
        hidden = self._hidden(message)
        fields: list[str] = []
        parameters: list[str] = []
        for field in message.fields:
            optional = self._table.is_optional(message, field)
            name = type_.attributes[field.name]
            annotation = self._scope.annotation(field, optional=optional, hidden=hidden)
            default = "None" if optional else self._scope.default(field, hidden, type_.path)
            fields.append(documented(f"{name}: {annotation}", note(field.doc, field.deprecated)))
            parameters.append(Parameter(name, annotation, default).text())
        self._scope.alias("_rpc")
        text = self._scope.builtin("str", hidden)
        return ErrorView(
            name=type_.path[-1],
            doc=docstring(message.doc, deprecated=message.deprecated),
            nested=self._nested(message),
            fields=(*self._one_ofs(message), *fields),
            parameters=("self", f'message: {text} = ""', *(["*"] if parameters else []), *parameters),
            body=self._constructor(message),
        )

    def _constructor(self, message: Message) -> tuple[str, ...]:
        """Return what an error's constructor does; it documents the fields, since editors look there for parameters."""
        notes = self._notes(message)
        doc = docstring(message.doc, notes, title=f"The error `{message.name}`.", section="Args") if notes else ""
        names = self._table.types[message.full_name].attributes.values()
        call = f"super().__init__({', '.join(('message', *(f'{name}={name}' for name in names)))})"
        return (doc, call) if doc else (call,)

    def _binding(self, message: Message) -> str:
        self._scope.alias("_rpc")
        attributes = self._table.types[message.full_name].attributes
        arguments = [self._scope.type_name(message.full_name), self._scope.wire_class(message.full_name)]
        arguments += [
            f"{attributes[field.name]}={self._scope.type_name(field.type.name)}"
            for field in message.fields
            if is_classed(field)
        ]
        return f"_rpc.bind({', '.join(arguments)})"

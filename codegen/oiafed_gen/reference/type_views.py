"""The types of a package: records, errors and enums, nested ones behind those that they are nested in."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import escape

from oiafed_gen.model import Enum, EnumValue, File, Message, Reserved
from oiafed_gen.python.table import Table, walk_python
from oiafed_gen.reference.addresses import anchor
from oiafed_gen.reference.entries import Entries, deprecated
from oiafed_gen.reference.prose import Resolve, prose
from oiafed_gen.reference.views import Entry, Section, TypeGroup, TypeView


class Types:
    """Makes the views of a package's types.

    Args:
        table: The schema's Python names.
        package: The proto package.
        entries: Makes those of their fields.
        resolve: Gives code in their documentation links.
    """

    def __init__(self, table: Table, package: str, entries: Entries, resolve: Resolve) -> None:
        self._table = table
        self._package = package
        self._entries = entries
        self._resolve = resolve

    def groups(self, files: tuple[File, ...]) -> tuple[TypeGroup, ...]:
        """Return the types of the package's files by kind; kinds of which there are none are left out."""
        messages = [message for file in files for message in walk_python(file)]
        enums = [enum for file in files for enum in file.enums]
        enums += [enum for message in messages for enum in message.enums]
        groups = (
            self._group("Types", [self._record(message) for message in messages if not message.is_error]),
            self._group("Errors", [self._record(message) for message in messages if message.is_error]),
            self._group("Enums", [self._enum(enum) for enum in enums]),
        )
        return tuple(group for group in groups if group.types)

    def _group(self, title: str, types: list[TypeView]) -> TypeGroup:
        return TypeGroup(id=f"all-{title.lower()}", title=title, types=tuple(types))

    def _record(self, message: Message) -> TypeView:
        name = anchor(self._package, message.full_name)
        fields = self._entries.sections(message, "Fields", name)
        return TypeView(
            id=name,
            name=name,
            badges=deprecated(message.deprecated),
            doc=prose(message.doc, self._resolve),
            statement=self._statement(message.full_name),
            sections=fields,
            notes=(*(() if fields else ("It has no fields.",)), *_reserved(message.reserved)),
        )

    def _enum(self, enum: Enum) -> TypeView:
        name = anchor(self._package, enum.full_name)
        return TypeView(
            id=name,
            name=name,
            badges=deprecated(enum.deprecated),
            doc=prose(enum.doc, self._resolve),
            statement=self._statement(enum.full_name),
            sections=(Section("Values", tuple(self._value(enum, name, value) for value in enum.values)),),
            notes=tuple(_reserved(enum.reserved)),
        )

    def _value(self, enum: Enum, prefix: str, value: EnumValue) -> Entry:
        name = self._table.types[enum.full_name].attributes[value.name]
        return Entry(
            id=f"{prefix}.{value.name}",
            name=name,
            mark=" = ",
            type=escape(value.number),
            default="",
            notes=() if name == value.name else (f"on the wire {value.name}",),
            badges=deprecated(value.deprecated),
            doc=prose(value.doc, self._resolve),
        )

    def _statement(self, full_name: str) -> str:
        """Return how Python imports a type, or the one that it is nested in."""
        type_ = self._table.types[full_name]
        return f"from {'.'.join(type_.package)} import {type_.path[0]}"


def _reserved(reserved: Reserved) -> Iterator[str]:
    """Yield what must not be used again, since former versions had it."""
    numbers = [str(first) if first == last else f"{first} to {last}" for first, last in reserved.numbers]
    if numbers or reserved.names:
        yield f"Reserved: {', '.join((*numbers, *reserved.names))}."

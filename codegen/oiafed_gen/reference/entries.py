"""Fields and parameters, and what is said of each."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from oiafed_gen.model import Field, Message
from oiafed_gen.python.table import Table
from oiafed_gen.reference.prose import Resolve, prose
from oiafed_gen.reference.spelling import ReadableScope, schema_type
from oiafed_gen.reference.views import Badge, Entry, Section

DEPRECATED = Badge("deprecated", "bad")


class Entries:
    """Makes the entries of one page.

    Args:
        table: The schema's Python names.
        scope: Spells their types.
        resolve: Gives code in their documentation links.
    """

    def __init__(self, table: Table, scope: ReadableScope, resolve: Resolve) -> None:
        self._table = table
        self._scope = scope
        self._resolve = resolve

    def sections(self, message: Message, title: str, prefix: str) -> tuple[Section, ...]:
        """Return the fields of a message, those of each oneof in a section of its own; empty ones are left out.

        Args:
            message: What has them.
            title: What fields are called that are in no oneof.
            prefix: Goes before each anchor.
        """
        type_ = self._table.types[message.full_name]
        plain = Section(title, self._of(message, "", prefix))
        one_ofs = (
            Section(
                Markup("At most one, as <code>{}</code> tells").format(type_.one_ofs[one_of.name]),
                self._of(message, one_of.name, prefix),
                prose(one_of.doc, self._resolve),
            )
            for one_of in message.one_ofs
        )
        return tuple(section for section in (plain, *one_ofs) if section.entries)

    def _of(self, message: Message, one_of: str, prefix: str) -> tuple[Entry, ...]:
        attributes = self._table.types[message.full_name].attributes
        fields = (field for field in message.fields if field.one_of == one_of)
        return tuple(self._entry(message, field, attributes[field.name], prefix) for field in fields)

    def _entry(self, message: Message, field: Field, name: str, prefix: str) -> Entry:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional)
        if field.stream:
            annotation = f"{self._scope.alias('_rpc', 'Items')}[{annotation}]"
        return Entry(
            id=f"{prefix}.{field.name}",
            name=name,
            mark=": ",
            type=self._scope.linked(annotation),
            default=self._default(field, optional=optional),
            notes=tuple(_notes(field, name, annotation)),
            badges=deprecated(field.deprecated),
            doc=prose(field.doc, self._resolve),
        )

    def _default(self, field: Field, *, optional: bool) -> str:
        return _behind(self._scope.default(field) or ("None" if optional else ""))


def deprecated(is_deprecated: bool) -> tuple[Badge, ...]:
    """Return the badge of what is deprecated."""
    return (DEPRECATED,) if is_deprecated else ()


def _behind(default: str) -> str:
    return f" = {default}" if default else ""


def _notes(field: Field, name: str, annotation: str) -> Iterator[str]:
    """Yield what the schema says and Python does not."""
    spelled = schema_type(field)
    if spelled != annotation.rpartition(".")[2]:
        yield spelled
    yield f"number {field.number}"
    if name != field.name:
        yield f"on the wire {field.name}"

"""Types are there for methods."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding
from oiafed_gen.model import walk_enums, walk_methods
from oiafed_gen.python.table import Table, walk_python


def unused(resolved: Resolved) -> Iterator[Finding]:
    """Yield types, enums and errors that no method of the schema uses; nothing where there are no methods at all."""
    used = reached(resolved.table, _roots(resolved))
    if not used:
        return
    for file in resolved.schema.files:
        for message in walk_python(file):
            inner = any(name.startswith(f"{message.full_name}.") for name in used)
            if message.full_name not in used and not inner:
                what = "error, and no method raises it" if message.is_error else "type, and no method uses it"
                yield Finding(message.location, f"'{message.name}' is an unused {what}")
        for enum in walk_enums(file):
            if enum.full_name not in used:
                yield Finding(enum.location, f"'{enum.name}' is an unused enum, and no method uses it")


def reached(table: Table, names: set[str]) -> set[str]:
    """Return the full names of messages and enums that some lead to by their fields, themselves included."""
    found, ahead = set[str](), list(names)
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        message = table.messages.get(name)
        ahead += [field.type.name for field in message.fields] if message else []
    return found


def _roots(resolved: Resolved) -> set[str]:
    return {
        name
        for file in resolved.schema.files
        for method in walk_methods(file)
        for name in (method.request, method.response, *(error.name for error in method.errors))
    }

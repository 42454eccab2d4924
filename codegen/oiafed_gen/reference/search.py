"""What the search box knows: every package, role, method and type by its name, for a script that pages load."""

from __future__ import annotations

import json
from collections.abc import Iterator

from oiafed_gen.model import Enum, File, Message, walk_enums, walk_messages
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.reference.addresses import Addresses, anchor
from oiafed_gen.reference.book import Book
from oiafed_gen.reference.prose import first_sentence

Found = tuple[str, str, str, str, str]
"""A name, what it is, what it belongs to, its address and the first sentence of its documentation."""


def entries(book: Book) -> tuple[Found, ...]:
    """Return everything that can be found, sorted, roles first."""
    addresses, files = book.addresses, book.table.files
    roles = sorted(found for module in book.roles for found in _role(module, addresses))
    methods = sorted(found for module in book.roles for found in _methods(module, addresses))
    types = sorted(found for file in files for found in _types(file, addresses))
    packages = [(name, "package", "", addresses.package(name), "") for name in book.packages]
    return (*roles, *methods, *types, *packages)


def lines(book: Book) -> tuple[str, ...]:
    """Return the entries as literals of JavaScript."""
    return tuple(json.dumps(entry, separators=(",", ":")) for entry in entries(book))


def _role(module: RoleModule, addresses: Addresses) -> Iterator[Found]:
    role = module.role
    yield role.name, "role", module.file.package, addresses.role(role), first_sentence(role.doc)


def _methods(module: RoleModule, addresses: Addresses) -> Iterator[Found]:
    for method in module.role.methods:
        address = addresses.method(module.role, method)
        yield method.name, "method", module.role.name, address, first_sentence(method.doc)


def _types(file: File, addresses: Addresses) -> Iterator[Found]:
    declared: list[tuple[str, Enum | Message]] = [("enum", enum) for enum in walk_enums(file)]
    declared += [("error" if m.is_error else "type", m) for m in walk_messages(file.messages)]
    for what, item in declared:
        address = addresses.type(item.full_name)
        if address:
            yield anchor(file.package, item.full_name), what, file.package, address, first_sentence(item.doc)

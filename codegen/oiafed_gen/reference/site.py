"""The whole reference as one pure function: the model and its Python names in, texts by path out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from oiafed_gen.header import sentence
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.table import Package, Table
from oiafed_gen.reference.addresses import ENTRIES, INDEX, SCRIPT, STYLE
from oiafed_gen.reference.book import Book
from oiafed_gen.reference.pages import index_view, package_view, role_view
from oiafed_gen.reference.search import lines
from oiafed_gen.templating import render


@dataclasses.dataclass(frozen=True, slots=True)
class AssetView:
    """The style sheet, the script or what the script searches: a first line, and the entries of the last."""

    header: str
    lines: tuple[str, ...]


def reference(table: Table, modules: Mapping[Package, tuple[RoleModule, ...]]) -> dict[str, str]:
    """Return the text of every file of a schema's HTML reference by its path, sorted.

    Args:
        table: The schema's Python names.
        modules: The roles of every package.
    """
    return dict(sorted(_texts(Book(table, modules))))


def _texts(book: Book) -> Iterator[tuple[str, str]]:
    yield INDEX, render("reference/index.html.j2", index_view(book))
    for package, files in book.packages.items():
        yield book.addresses.package(package), render("reference/package.html.j2", package_view(book, package, files))
    for module in book.roles:
        yield book.addresses.role(module.role), render("reference/role.html.j2", role_view(book, module))
    for asset in (STYLE, SCRIPT):  # the same for every schema
        yield asset, render(f"reference/{asset}.j2", AssetView(sentence((asset,)), ()))
    sources = sentence(file.path for file in book.table.files)
    yield ENTRIES, render("reference/entries.js.j2", AssetView(sources, lines(book)))

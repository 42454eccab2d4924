"""What all pages of a reference share: the schema with its Python names, the addresses, and lists of roles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from markupsafe import Markup

from oiafed_gen.header import sentence
from oiafed_gen.model import File
from oiafed_gen.python.names import package_path
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.table import Package, Table
from oiafed_gen.reference.addresses import INDEX, Addresses, relative, root
from oiafed_gen.reference.calls import Calls, calls
from oiafed_gen.reference.diagram import diagram
from oiafed_gen.reference.diagram_views import Diagram
from oiafed_gen.reference.entries import deprecated
from oiafed_gen.reference.prose import Resolve, prose, summary
from oiafed_gen.reference.spelling import ReadableScope
from oiafed_gen.reference.views import Card, Contents, Frame, Link


class Book:
    """The reference as a whole.

    Args:
        table: The schema's Python names.
        modules: The roles of every package.
    """

    def __init__(self, table: Table, modules: Mapping[Package, tuple[RoleModule, ...]]) -> None:
        self.table = table
        self.roles = sorted(
            (module for members in modules.values() for module in members),
            key=lambda module: (module.role.name, module.role.service),
        )
        self.addresses = Addresses(table.files)

    @cached_property
    def packages(self) -> dict[str, tuple[File, ...]]:
        """The files of each proto package, sorted."""
        found: dict[str, tuple[File, ...]] = {}
        for file in sorted(self.table.files, key=lambda file: (file.package, file.path)):
            found[file.package] = (*found.get(file.package, ()), file)
        return found

    @cached_property
    def calls(self) -> Calls:
        """Who calls whom."""
        return calls(self.table.files)

    def page(self, address: str, package: str) -> Page:
        """Return what makes the content of the page at an address; names in its texts are those of a package."""
        return Page(self, address, package)


class Page:
    """One page: links from it to anywhere."""

    def __init__(self, book: Book, address: str, package: str) -> None:
        self.book = book
        self.address = address
        self._package = package

    def frame(
        self, title: str, files: tuple[File, ...], contents: tuple[Contents, ...], above: tuple[Link, ...] = ()
    ) -> Frame:
        """Return what surrounds the content; `above` are the pages between the first one and this."""
        home = () if self.address == INDEX else (Link("Reference", self.to(INDEX)),)
        return Frame(
            header=sentence(file.path for file in files),
            title=title,
            root=root(self.address),
            crumbs=(*home, *above),
            contents=contents,
        )

    def to(self, address: str) -> str:
        """Return how this page refers to an address; "" stays so."""
        return relative(self.address, address) if address else ""

    @property
    def resolve(self) -> Resolve:
        """What gives links to code in documentation texts."""
        return lambda name: self.to(self.book.addresses.named_type(name, self._package))

    def prose(self, text: str) -> Markup:
        """Return a documentation text as blocks."""
        return prose(text, self.resolve)

    def scope(self, file: File) -> ReadableScope:
        """Return what spells types as Python code beside that of a file does, with links from here."""
        return ReadableScope(
            self.book.table, package_path(file.python), lambda name: self.to(self.book.addresses.type(name))
        )

    def role_card(self, module: RoleModule, note: str) -> Card:
        """Return a role for a list, with a note below its name."""
        role, addresses = module.role, self.book.addresses
        return Card(
            title=Link(role.name, self.to(addresses.role(role))),
            note=note,
            badges=deprecated(role.deprecated),
            doc=summary(role.doc, self.resolve),
            links=tuple(Link(method.name, self.to(addresses.method(role, method))) for method in role.methods),
        )

    def package_link(self, package: str) -> Link:
        """Return a link to a package."""
        return Link(package_title(package), self.to(self.book.addresses.package(package)))

    def diagram(self, drawn: Calls, title: str) -> Diagram:
        """Return a diagram with links from here."""
        return diagram(drawn, self._role_or_method, title)

    def _role_or_method(self, role: str, method: str) -> str:
        return self.to(self.book.addresses.named_role(role, method))


def package_title(package: str) -> str:
    """Return what a package is called, even without a name."""
    return package or "Without a package"

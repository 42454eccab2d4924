"""The pages of a reference: the first one, one a package with its types, and one a role with its methods."""

from __future__ import annotations

import dataclasses

from markupsafe import Markup

from oiafed_gen.model import File
from oiafed_gen.python.docs import joined
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.roles_view import class_names
from oiafed_gen.reference.addresses import INDEX
from oiafed_gen.reference.book import Book, Page, package_title
from oiafed_gen.reference.diagram_views import Diagram
from oiafed_gen.reference.entries import Entries, deprecated
from oiafed_gen.reference.methods import Methods
from oiafed_gen.reference.prose import code, summary
from oiafed_gen.reference.type_views import Types
from oiafed_gen.reference.views import Badge, Card, Contents, Fact, Frame, Link, MethodView, TypeGroup


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CardGroup:
    """Roles or packages under a title."""

    id: str
    title: str
    cards: tuple[Card, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IndexView:
    """The first page."""

    frame: Frame
    doc: Markup
    diagrams: tuple[Diagram, ...]
    groups: tuple[CardGroup, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """The page of a proto package."""

    frame: Frame
    doc: Markup
    facts: tuple[Fact, ...]
    roles: tuple[CardGroup, ...]
    groups: tuple[TypeGroup, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RolePageView:
    """The page of a role."""

    frame: Frame
    badges: tuple[Badge, ...]
    doc: Markup
    facts: tuple[Fact, ...]
    diagrams: tuple[Diagram, ...]
    methods: tuple[MethodView, ...]


def index_view(book: Book) -> IndexView:
    """Return the first page; where the schema is one package, with the documentation of that."""
    only = next(iter(book.packages)) if len(book.packages) == 1 else ""
    page = book.page(INDEX, only)
    diagrams = (page.diagram(book.calls, "Who calls whom"),) if book.roles else ()
    roles = CardGroup(id="all-roles", title="Roles", cards=tuple(page.role_card(m, m.file.package) for m in book.roles))
    packages = CardGroup(
        id="all-packages",
        title="Packages",
        cards=tuple(_package_card(page, package, files) for package, files in book.packages.items()),
    )
    groups = tuple(group for group in (roles, packages) if group.cards)
    contents = (*_contents(diagrams), *(Contents(g.title, f"#{g.id}", tuple(c.title for c in g.cards)) for g in groups))
    return IndexView(
        frame=page.frame("Schema reference", book.table.files, contents),
        doc=page.prose(joined(book.packages[only]) if only else ""),
        diagrams=diagrams,
        groups=groups,
    )


def package_view(book: Book, package: str, files: tuple[File, ...]) -> PackageView:
    """Return the page of a package."""
    page = book.page(book.addresses.package(package), package)
    entries = Entries(book.table, page.scope(files[0]), page.resolve)
    groups = Types(book.table, package, entries, page.resolve).groups(files)
    cards = tuple(
        page.role_card(module, module.role.service) for module in book.roles if module.file.package == package
    )
    roles = (CardGroup(id="all-roles", title="Roles", cards=cards),) if cards else ()
    contents = (
        *(Contents(group.title, f"#{group.id}", tuple(card.title for card in group.cards)) for group in roles),
        *(
            Contents(group.title, f"#{group.id}", tuple(Link(t.name, f"#{t.id}") for t in group.types))
            for group in groups
        ),
    )
    return PackageView(
        frame=page.frame(package_title(package), files, contents),
        doc=page.prose(joined(files)),
        facts=(
            Fact("Python package", _listed(sorted({file.python for file in files}))),
            Fact("Declared in", _listed([file.path for file in files])),
        ),
        roles=roles,
        groups=groups,
    )


def role_view(book: Book, module: RoleModule) -> RolePageView:
    """Return the page of a role."""
    role, file = module.role, module.file
    page = book.page(book.addresses.role(role), file.package)
    methods = Methods(page, module).views()
    around = book.calls.around(role.name)
    diagrams = (page.diagram(around, f"Calls of the role {role.name}"),) if around.edges else ()
    listed = Contents("Methods", "#all-methods", tuple(Link(method.id, f"#{method.id}") for method in methods))
    proxy, collection, handler = class_names(role)
    return RolePageView(
        frame=page.frame(role.name, (file,), (*_contents(diagrams), listed), (page.package_link(file.package),)),
        badges=deprecated(role.deprecated),
        doc=page.prose(role.doc),
        facts=(
            Fact("To call it", code(f"from {file.python} import {proxy}, {collection}")),
            Fact("To implement it", code(f"from {file.python} import {handler}")),
            Fact("Service", code(role.service)),
            Fact("Declared in", code(file.path)),
        ),
        diagrams=diagrams,
        methods=methods,
    )


def _package_card(page: Page, package: str, files: tuple[File, ...]) -> Card:
    return Card(
        title=page.package_link(package),
        note=", ".join(file.path for file in files),
        badges=(),
        doc=summary(joined(files)),
        links=(),
    )


def _contents(diagrams: tuple[Diagram, ...]) -> tuple[Contents, ...]:
    return tuple(Contents("Who calls whom", f"#{diagram.id}", ()) for diagram in diagrams)


def _listed(texts: list[str]) -> Markup:
    return Markup(", ").join(map(code, texts))

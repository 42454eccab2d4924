"""The Python modules that are the generator's own: each package's types, roles and `__init__`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping

from oiafed_gen.header import python_header
from oiafed_gen.model import File
from oiafed_gen.python.blocking_view import blocking_view
from oiafed_gen.python.docs import docstring, joined
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.roles_view import class_names, role_view
from oiafed_gen.python.table import Package, Table
from oiafed_gen.python.testing_view import testing_view
from oiafed_gen.python.types_view import types_view
from oiafed_gen.templating import Templates


@dataclasses.dataclass(frozen=True, slots=True)
class PackageView:
    """What the template of a package's `__init__.py` lays out."""

    header: str
    doc: str
    modules: tuple[tuple[str, tuple[str, ...]], ...]
    names: str
    exports: str


def render_packages(
    table: Table, modules: Mapping[Package, tuple[RoleModule, ...]], templates: Templates
) -> dict[str, str]:
    """Return the Python modules that are ours alone, by path; they still need formatting."""
    texts: dict[str, str] = {}
    for package, files in table.packages.items():
        folder = "/".join(package)
        rendered = _package(table, package, files, modules[package], templates.render)
        texts |= {f"{folder}/{name}": text for name, text in rendered}
    return texts


def _package(
    table: Table,
    package: Package,
    files: tuple[File, ...],
    roles: tuple[RoleModule, ...],
    render: Callable[[str, object], str],
) -> Iterator[tuple[str, str]]:
    header = python_header(file.path for file in files)
    exported: list[tuple[str, tuple[str, ...]]] = []
    top = [
        t.path[0]
        for name, t in table.types.items()
        if t.package == package and len(t.path) == 1 and _public(table, name)
    ]
    if top:
        yield "types.py", render("types.py.j2", types_view(table, package, files, header))
        exported.append(("types", tuple(sorted(top))))
    for module in roles:
        view = role_view(table, package, module.role, module.name, module.methods, python_header((module.file.path,)))
        yield f"{module.name}.py", render("role.py.j2", view)
        exported.append((module.name, tuple(sorted(class_names(module.role)))))
    if roles:
        made_from = python_header({role.file.path for role in roles})
        yield "blocking.py", render("blocking.py.j2", blocking_view(table, package, roles, made_from))
        yield "testing.py", render("testing.py.j2", testing_view(table, package, roles, made_from))
    doc = docstring(joined(files) or f"The roles and types of `{'.'.join(package)}`.")
    listing = PackageView(header, doc, tuple(sorted(exported)), _names(exported), _exports(exported))
    yield "__init__.py", render("package.py.j2", listing)


def _public(table: Table, name: str) -> bool:
    return name in table.enums or not table.messages[name].wire_only


def _names(modules: list[tuple[str, tuple[str, ...]]]) -> str:
    """Return the names of each module as an expression."""
    return repr(dict(sorted(modules)))


def _exports(modules: list[tuple[str, tuple[str, ...]]]) -> str:
    names = sorted(name for _, exported in modules for name in exported)
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"__all__ = [{quoted}]"

"""From the model to the text of every output file. Templates lay out; everything is decided before they run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import jinja2

from oiafed_gen.lowered import proto_view
from oiafed_gen.model import File
from oiafed_gen.python.docs import docstring, joined
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.roles_view import class_names, role_view
from oiafed_gen.python.table import Package, Table
from oiafed_gen.python.types_view import types_view
from oiafed_gen.sources import MARKER


@dataclasses.dataclass(frozen=True, slots=True)
class PackageView:
    """What the template of a package's `__init__.py` lays out."""

    sources: str
    doc: str
    modules: tuple[tuple[str, tuple[str, ...]], ...]
    exports: str


def render_proto(file: File) -> str:
    """Return the .proto text of a file: what its author wrote, or the lowered form of a YAML file."""
    if file.proto_text is None:
        return _render("schema.proto.j2", proto_view(file))
    return f"// {MARKER}{file.path}. Do not edit.\n{file.proto_text}"


def render_packages(table: Table, modules: Mapping[Package, tuple[RoleModule, ...]]) -> dict[str, str]:
    """Return the Python modules that are ours alone, by path; they still need formatting."""
    texts: dict[str, str] = {}
    for package, files in table.packages.items():
        folder = "/".join(package)
        texts |= {f"{folder}/{name}": text for name, text in _package(table, package, files, modules[package])}
    return texts


def header(path: str) -> str:
    """Return the line that starts every generated Python file."""
    return f"# {MARKER}{path}. Do not edit.\n"


def sources_of(files: Iterable[File]) -> str:
    """Return the files that something is made from, for its first line."""
    return ", ".join(sorted(file.path for file in files))


def _package(
    table: Table, package: Package, files: tuple[File, ...], roles: tuple[RoleModule, ...]
) -> Iterator[tuple[str, str]]:
    sources = sources_of(files)
    exported: list[tuple[str, tuple[str, ...]]] = []
    top = [
        t.path[0]
        for name, t in table.types.items()
        if t.package == package and len(t.path) == 1 and _public(table, name)
    ]
    if top:
        yield "types.py", _render("types.py.j2", types_view(table, package, files, sources))
        exported.append(("types", tuple(sorted(top))))
    for module in roles:
        view = role_view(table, package, module.role, module.name, module.methods, module.file.path)
        yield f"{module.name}.py", _render("role.py.j2", view)
        exported.append((module.name, tuple(sorted(class_names(module.role)))))
    doc = docstring(joined([file.doc for file in files]))
    listing = PackageView(sources, doc, tuple(sorted(exported)), _exports(exported))
    yield "__init__.py", _render("package.py.j2", listing)


def _public(table: Table, name: str) -> bool:
    return name in table.enums or not table.messages[name].wire_only


def _exports(modules: list[tuple[str, tuple[str, ...]]]) -> str:
    names = sorted(name for _, exported in modules for name in exported)
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"__all__ = [{quoted}]"


def _render(template: str, view: object) -> str:
    return _squeeze(_template(template).render(view=view))


def _squeeze(text: str) -> str:
    """Return text with no more than one empty line in a row and none at the end."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).rstrip("\n") + "\n"


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701
        loader=jinja2.PackageLoader("oiafed_gen"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )

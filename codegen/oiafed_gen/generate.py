"""The whole generator as one pure function: schema files in, texts by path out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from oiafed_gen.checks import check, check_defaults, check_modules, check_packages
from oiafed_gen.diagnostics import Problems, SchemaError
from oiafed_gen.header import python_header, with_proto_header
from oiafed_gen.provided import Provided
from oiafed_gen.python.formatting import format_python
from oiafed_gen.python.packages import RoleModule, role_modules
from oiafed_gen.python.render import render_packages
from oiafed_gen.python.table import Package, Table
from oiafed_gen.reading.schema import Schema, read
from oiafed_gen.sources import SchemaFile
from oiafed_gen.templating import Templates
from oiafed_gen.wire.cleanup import clean_module, clean_stub
from oiafed_gen.wire.modules import make_modules, module_input
from oiafed_gen.wire.placing import place_module
from oiafed_gen.wire.stubs import make_stubs, stub_request


@dataclasses.dataclass(frozen=True, slots=True)
class Resolved:
    """A schema without mistakes, with its Python names: all that is generated is made from this."""

    schema: Schema
    table: Table
    modules: Mapping[Package, tuple[RoleModule, ...]]
    provided: Provided


def generate(files: Sequence[SchemaFile], provided: Provided, problems: Problems | None = None) -> dict[str, str]:
    """Return the text of every file to generate, by its path relative to the output folder, sorted.

    Args:
        files: The schema.
        provided: What it can import without having it.
        problems: Mistakes found while the files were read.

    Raises:
        SchemaError: The schema has mistakes.
    """
    return python_files(resolve(files, provided, problems))


def resolve(files: Sequence[SchemaFile], provided: Provided, problems: Problems | None = None) -> Resolved:
    """Return what a schema says; the arguments and errors are those of `generate`."""
    problems = problems or Problems()
    return resolved(read(files, provided, problems), provided, problems)


def resolved(schema: Schema, provided: Provided, problems: Problems) -> Resolved:
    """Return what a schema says that has been read, where it has no mistakes.

    Args:
        schema: The schema.
        provided: What it can import without having it.
        problems: Mistakes found while it was read.

    Raises:
        SchemaError: The schema has mistakes.
    """
    check(schema.files, problems, complete=schema.complete)
    table = Table(schema.files, provided, problems)
    modules = role_modules(table, problems)
    check_modules(table, problems)
    check_defaults(table, problems)
    if not problems:  # a circle of files is one of packages as well
        check_packages(table, problems)
    if problems or schema.unexplained:
        raise SchemaError(problems.sorted() or schema.unexplained)
    return Resolved(schema, table, modules, provided)


def python_files(resolved: Resolved, templates: Templates | None = None) -> dict[str, str]:
    """Return what `generate` does, for a schema that has been read.

    Args:
        resolved: The schema.
        templates: What lays the Python out, if not the generator's own templates alone.

    Raises:
        SchemaError: A template fails; locations are relative to the folder of templates.
    """
    schema, table = resolved.schema, resolved.table
    names = [file.proto_name for file in schema.files]
    with ThreadPoolExecutor(3) as workers:  # that only wait for other programs, of which the slowest starts first
        stubs = workers.submit(make_stubs, stub_request(schema.descriptors, names), names)
        messages = workers.submit(make_modules, module_input(schema.descriptors), names)
        python = workers.submit(format_python, render_packages(table, resolved.modules, templates or Templates()))
        texts = {**_folders(table), **_protos(schema, resolved.provided)}
        texts |= _wire(table, messages.result(), ".py", clean_module)
        texts |= python.result()
        texts |= _wire(table, stubs.result(), ".pyi", clean_stub)
    return dict(sorted(texts.items()))


def _wire(table: Table, texts: Mapping[str, str], ending: str, clean: Callable[[str], str]) -> dict[str, str]:
    placed: dict[str, str] = {}
    for file in table.files:
        module = table.wire_module(file.proto_name)
        path = f"{'/'.join(module.package or ())}/{module.name}{ending}"
        placed[path] = python_header((file.path,)) + clean(place_module(table, file, texts[file.proto_name]))
    return placed


def _folders(table: Table) -> dict[str, str]:
    """Return what makes the folders packages: `__init__.py` where there is no other, and `py.typed` at the top."""
    texts: dict[str, str] = {}
    for package in sorted(table.packages):
        files = [file for other, members in table.packages.items() for file in members if other[:1] == package[:1]]
        texts[f"{package[0]}/py.typed"] = python_header(file.path for file in files)
        for folder in _bare_folders(package, table):
            inside = [f for other, members in table.packages.items() for f in members if _within(other, folder)]
            texts[f"{'/'.join(folder)}/__init__.py"] = python_header(file.path for file in inside)
    return texts


def _bare_folders(package: Package, table: Table) -> Iterator[Package]:
    yield (*package, "wire")
    yield from (package[:depth] for depth in range(1, len(package)) if package[:depth] not in table.packages)


def _within(package: Package, folder: Package) -> bool:
    return (*package, "wire")[: len(folder)] == folder


def _protos(schema: Schema, provided: Provided) -> dict[str, str]:
    """Return the .proto files, those of oiafed that they import among them."""
    imported = (file.name for file in schema.descriptors if file.name.startswith("oiafed/"))
    ours = {name: provided.texts[name] for name in imported if name in provided.texts}
    return {name: with_proto_header(name, text) for name, text in {**schema.proto_texts, **ours}.items()}

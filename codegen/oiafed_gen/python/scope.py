"""One generated module: which names it can use, how to spell them, and what it has to import for that."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from oiafed_gen.model import Field, Kind, Label, TypeRef
from oiafed_gen.provided import EMPTY, ENUMS, NULL, WRAPPERS, is_native
from oiafed_gen.python.names import free
from oiafed_gen.python.table import Package, Table, is_plain_attribute

_SCALARS = {"double": "float", "float": "float", "bool": "bool", "string": "str", "bytes": "bytes"}
_NATIVE = {
    "oiafed.v1.Tensor": "_rpc.Tensor",
    "oiafed.v1.Tensors": "_rpc.Tensors",
    "oiafed.v1.PyObject": "_typing.Any",
    "google.protobuf.Timestamp": "_datetime.datetime",
    "google.protobuf.Duration": "_datetime.timedelta",
    "google.protobuf.Struct": "dict[str, _typing.Any]",
    "google.protobuf.Value": "_typing.Any",
    "google.protobuf.ListValue": "list[_typing.Any]",
    "google.protobuf.FieldMask": "list[str]",
    EMPTY: "_rpc.Empty",
    **{name: _SCALARS.get(scalar, "int") for name, scalar in WRAPPERS.items()},
    **dict.fromkeys(ENUMS, "int"),
    NULL: "None",
}
"""Annotations of native types, of builtins and of names out of modules by their aliases."""

_NAMES = re.compile(r"(?P<alias>_\w+)\.(?P<name>\w+)|(?P<builtin>[a-z]\w*)")
_ALIASES = {
    "_abstractmethod": "from abc import abstractmethod as _abstractmethod",
    "_AsyncIterator": "from collections.abc import AsyncIterator as _AsyncIterator",
    "_Awaitable": "from collections.abc import Awaitable as _Awaitable",
    "_Iterator": "from collections.abc import Iterator as _Iterator",
    "_blocking": "from oiafed_rpc import blocking as _blocking",
    "_builtins": "import builtins as _builtins",
    "_dataclasses": "import dataclasses as _dataclasses",
    "_datetime": "import datetime as _datetime",
    "_typing": "import typing as _typing",
    "_rpc": "from oiafed_rpc import stub as _rpc",
    "_testing": "from oiafed_rpc import testing as _testing",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Imports:
    """The import statements of a module, by section."""

    standard: tuple[str, ...]
    installed: tuple[str, ...]
    local: tuple[str, ...]


def is_classed(field: Field) -> bool:
    """Whether the type of a field is a generated class."""
    return field.type.kind is not Kind.SCALAR and not is_native(field.type.name)


class ModuleScope:
    """The scope of one module.

    Args:
        table: The schema's Python names.
        package: The folders of the package that the module is in.
        own: The names that the module itself defines at its top.
        is_types: Whether the module is the package's types.py, which defines the package's types.
    """

    def __init__(self, table: Table, package: Package, own: Iterable[str], *, is_types: bool) -> None:
        self._table = table
        self._package = package
        self._own = frozenset(own)
        self._is_types = is_types
        self._used: set[str] = set()
        self._modules: dict[tuple[Package | str, str], str] = {}
        self._imported: dict[str, str] = {}
        self._role_classes: set[str] = set()

    def alias(self, alias: str, name: str = "") -> str:
        """Return a name out of a module that is imported as `alias`, or `alias` itself."""
        self._used.add(alias)
        return f"{alias}.{name}" if name else alias

    def builtin(self, name: str, hidden: Iterable[str] = ()) -> str:
        """Return a builtin, where the names `hidden` mean something else."""
        return self.alias("_builtins", name) if name in hidden else name

    def type_name(self, full_name: str, hidden: Iterable[str] = ()) -> str:
        """Return the class of an enum or record."""
        type_ = self._table.types[full_name]
        if type_.package != self._package:
            return ".".join((self._module(type_.package, "types"), *type_.path))
        root = type_.path[0]
        if self._is_types and root not in hidden:
            return ".".join(type_.path)
        if self._is_types or root in hidden or root in self._own or root.startswith("_"):
            return ".".join((self._module(self._package, "types"), *type_.path))
        self._imported[root] = ".types"
        return ".".join(type_.path)

    def wire_class(self, full_name: str) -> str:
        """Return the protobuf class of a message."""
        proto_name, path = self._table.wire_class(full_name)
        module = self._table.wire_module(proto_name)
        alias = self._module(module.provided if module.package is None else module.package, module.name)
        if is_plain_attribute(path):
            return ".".join((alias, *path))
        expression = alias
        for part in path:
            expression = f'getattr({expression}, "{part}")'
        return expression

    def single(self, type_: TypeRef, hidden: Iterable[str] = ()) -> str:
        """Return the annotation of one value of a type."""
        if type_.kind is Kind.SCALAR:
            return self.builtin(_SCALARS.get(type_.name, "int"), hidden)
        if is_native(type_.name):
            return self._native(type_.name, hidden)
        return self.type_name(type_.name, hidden)

    def _native(self, full_name: str, hidden: Iterable[str]) -> str:
        """Return the annotation of a native type; those that have no other form are protobuf's own classes."""
        form = _NATIVE.get(full_name)
        if form is None:
            return self.wire_class(full_name)
        return _NAMES.sub(
            lambda m: self.alias(m["alias"], m["name"]) if m["alias"] else self.builtin(m["builtin"], hidden), form
        )

    def annotation(self, field: Field, *, optional: bool, hidden: Iterable[str] = ()) -> str:
        """Return the annotation of a field."""
        value = self.single(field.type, hidden)
        if value == "None" and (field.one_of or field.label is Label.OPTIONAL):
            value = self.builtin("int", hidden)  # its number: where None is absence, it cannot be a value as well
        if field.label is Label.LIST:
            return f"{self.builtin('list', hidden)}[{value}]"
        if field.label is Label.MAP:
            key = self.single(TypeRef(Kind.SCALAR, field.key or ""), hidden)
            return f"{self.builtin('dict', hidden)}[{key}, {value}]"
        return f"{value} | None" if optional and value != "None" else value

    def default(self, field: Field, hidden: Iterable[str] = (), inside: tuple[str, ...] = ()) -> str:
        """Return the default of a field as an expression; "" where it has none.

        Args:
            field: The field.
            hidden: Names that mean something else there.
            inside: The path of the class whose body the expression is in; that class has no name yet.
        """
        if field.default is None:
            return ""
        if field.type.kind is not Kind.ENUM:
            return repr(field.default.value)
        type_ = self._table.types[field.type.name]
        if inside and type_.package == self._package and type_.path[: len(inside)] == inside:
            enum = ".".join(type_.path[len(inside) :])
        else:
            enum = self.type_name(field.type.name, hidden)
        member = type_.attributes[str(field.default.value)]
        if member.startswith("_"):  # to type checkers, the enum's own affair
            values = self._table.enums[field.type.name].values
            return f"{enum}({next(value.number for value in values if value.name == field.default.value)})"
        return f"{enum}.{member}"

    def role_class(self, module: str, name: str) -> str:
        """Return a class out of the module of a role of this package."""
        self._role_classes.add(f"from .{module} import {name} as _{name}")
        return f"_{name}"

    def imports(self) -> Imports:
        """Return what the module has to import for all that was asked of this scope."""
        aliases = [_ALIASES[alias] for alias in self._used]
        installed = [line for line in aliases if line.startswith("from oiafed_rpc ")]
        standard = sorted((line for line in aliases if line not in installed), key=lambda line: (line[0] != "i", line))
        local = [*self._role_classes]
        for (package, module), alias in self._modules.items():
            if isinstance(package, str):
                installed.append(f"from {package} import {module} as {alias}")
            else:
                place = local if package[0] == self._package[0] else installed
                place.append(f"from {relative(self._package, package)} import {module} as {alias}")
        if self._imported:
            local.append(f"from .types import {', '.join(sorted(self._imported))}")
        return Imports(tuple(standard), tuple(sorted(installed)), tuple(sorted(local, key=_local_key)))

    def _module(self, package: Package | str, module: str) -> str:
        """Return the alias of a module, imported from now on."""
        key = (package, module)
        if key not in self._modules:
            own = package in (self._package, (*self._package, "wire")) or isinstance(package, str)
            parts = (module,) if own else (*(part for part in package if part != "wire"), module)
            self._modules[key] = free("_" + "_".join(parts), {*self._modules.values(), *self._own})
        return self._modules[key]


def relative(here: Package, target: Package) -> str:
    """Return how a module in the package `here` names the package `target` in an import.

    The name is relative, so that the output works inside any package, but where the two share no folder.
    """
    if here[0] != target[0]:
        return ".".join(target)
    common = 0
    while common < min(len(here), len(target)) and here[common] == target[common]:
        common += 1
    return "." * (len(here) - common + 1) + ".".join(target[common:])


def _local_key(statement: str) -> tuple[int, str]:
    """Order relative imports as isort does: farther packages first."""
    module = statement.split(" ")[1]
    dots = len(module) - len(module.lstrip("."))
    return -dots, statement

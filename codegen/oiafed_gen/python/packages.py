"""The modules of roles in each package, and the names that must not clash among them."""

from __future__ import annotations

import dataclasses

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.model import File, Role
from oiafed_gen.python import names
from oiafed_gen.python.roles_view import class_names
from oiafed_gen.python.table import Package, Table


@dataclasses.dataclass(frozen=True, slots=True)
class RoleModule:
    """A role, the module it becomes, and the Python names of its methods by their names on the wire."""

    name: str
    role: Role
    file: File
    methods: dict[str, str]


def role_modules(table: Table, problems: Problems) -> dict[Package, tuple[RoleModule, ...]]:
    """Return the role modules of every package, and report names that clash."""
    return {package: _modules(table, package, problems) for package in table.packages}


def _modules(table: Table, package: Package, problems: Problems) -> tuple[RoleModule, ...]:
    files = table.packages[package]
    owned = [(role, file) for file in files for role in file.roles]
    taken = _top_level(table, package)
    children = {other[len(package)] for other in table.packages if other[: len(package)] == package != other}
    scope = f"the package {'.'.join(package)}"
    modules = names.assign(
        ((role.name, role.location) for role, _ in owned), {*names.SUBMODULES, *taken, *children}, scope, problems
    )
    seen: set[str] = set()
    for role, _ in owned:
        if role.name in seen:
            problems.add(role.location, Code.DUPLICATE_NAME, f"the role '{role.name}' is declared twice in {scope}")
        seen.add(role.name)
        for name in class_names(role):
            if name in taken:
                problems.add(
                    role.location,
                    Code.PYTHON_NAME_CLASH,
                    f"the role '{role.name}' needs the name '{name}', which a type has",
                )
    return tuple(RoleModule(modules[role.name], role, file, _method_names(role, problems)) for role, file in owned)


def _top_level(table: Table, package: Package) -> set[str]:
    return {type_.path[0] for type_ in table.types.values() if type_.package == package}


def _method_names(role: Role, problems: Problems) -> dict[str, str]:
    scope = f"the role '{role.name}'"
    first: dict[str, str] = {}
    for method in role.methods:
        former = first.setdefault(method.name, method.rpc)
        if former != method.rpc:  # only in .proto files, where protoc tells them apart
            message = f"'{method.rpc}' and '{former}' are both the method '{method.name}' of {scope}; rename one"
            problems.add(method.location, Code.DUPLICATE_NAME, message)
    assigned = names.assign(
        ((method.name, method.location) for method in role.methods), names.METHOD_RESERVED, scope, problems
    )
    return {method.rpc: assigned[method.name] for method in role.methods}

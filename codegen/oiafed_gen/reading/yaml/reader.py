"""YAML schema files, as far as one file can be understood by itself."""

from __future__ import annotations

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.reading.yaml.keys import FILE, METHOD, ROLE
from oiafed_gen.reading.yaml.records import Records
from oiafed_gen.reading.yaml.syntax import FileSyntax, MethodSyntax, RoleSyntax
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar, parse
from oiafed_gen.reading.yaml.values import Values


def read_yaml(path: str, text: str, problems: Problems) -> FileSyntax | None:
    """Return what a YAML schema file declares, or None where nothing of it can be understood."""
    root = parse(path, text, problems)
    if root is None:
        return None
    if not isinstance(root, Mapping):
        problems.add(root.location, Code.NOT_A_SCHEMA, "a schema file must be a mapping that starts with 'package:'")
        return None
    return _Reader(path, problems).file(root)


class _Reader:
    """Reads the declarations of one file."""

    def __init__(self, path: str, problems: Problems) -> None:
        self._path = path
        self._values = Values(problems)
        self._records = Records(self._values, problems)
        self._problems = problems

    def file(self, root: Mapping) -> FileSyntax:
        """Read the whole file."""
        values = self._values
        keys = values.keys(root, FILE, "a schema file")
        package = self._package(root, keys)
        return FileSyntax(
            path=self._path,
            package=package,
            python=values.dotted(keys.get("python"), "'python'") or package,
            doc=values.text(keys.get("doc"), "'doc'"),
            imports=values.items(keys.get("imports"), "'imports'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
            enums=self._records.enums(package, keys.get("enums")),
            records=(
                *self._records.types(package, keys.get("types")),
                *self._records.errors(package, keys.get("errors")),
            ),
            roles=self._roles(keys.get("roles")),
        )

    def _package(self, root: Mapping, keys: dict[str, Node]) -> str:
        if "package" not in keys:
            self._problems.add(
                root.location, Code.MISSING_KEY, "a schema file must have 'package:', such as 'package: federation.v1'"
            )
            return ""
        package = self._values.dotted(keys["package"], "'package'")
        if not package and isinstance(keys["package"], Scalar) and keys["package"].empty:
            self._problems.add(keys["package"].location, Code.MISSING_KEY, "'package' must not be empty")
        return package

    def _roles(self, node: Node | None) -> tuple[RoleSyntax, ...]:
        section = self._values.mapping(node, "'roles'")
        return tuple(self._role(name, body) for name, body in self._values.named(section, "a role"))

    def _role(self, name: Scalar, node: Node) -> RoleSyntax:
        values = self._values
        keys = values.keys(values.mapping(node, "a role"), ROLE, "a role")
        methods = values.named(values.mapping(keys.get("methods"), "'methods'"), "a method")
        return RoleSyntax(
            name=name.text,
            location=name.location,
            methods=tuple(self._method(method, body) for method, body in methods),
            doc=values.text(keys.get("doc"), "'doc'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
        )

    def _method(self, name: Scalar, node: Node) -> MethodSyntax:
        values = self._values
        keys = values.keys(values.mapping(node, "a method"), METHOD, "a method")
        params, reserved = self._records.params(keys.get("params"), keys.get("reserved"))
        return MethodSyntax(
            name=name.text,
            location=name.location,
            params=params,
            reserved=reserved,
            returns=self._records.result(keys.get("returns")),
            timeout=values.seconds(keys.get("timeout"), "'timeout'"),
            idempotent=values.truth(keys.get("idempotent"), "'idempotent'"),
            callers=values.items(keys.get("callers"), "'callers'"),
            errors=values.items(keys.get("errors"), "'errors'"),
            doc=values.text(keys.get("doc"), "'doc'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
        )

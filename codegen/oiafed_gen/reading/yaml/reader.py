"""YAML schema files, as far as one file can be understood by itself."""

from __future__ import annotations

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems
from oiafed_gen.reading.type_syntax import TypeSyntax, TypeSyntaxError, parse_type
from oiafed_gen.reading.yaml.enums import read_enum
from oiafed_gen.reading.yaml.fields import check_fields, check_streams, refuse_streams
from oiafed_gen.reading.yaml.syntax import FieldSyntax, FileSyntax, MethodSyntax, RecordSyntax, RoleSyntax
from oiafed_gen.reading.yaml.tree import Mapping, Node, Scalar, parse
from oiafed_gen.reading.yaml.values import Values

_FILE_KEYS = ("package", "python", "doc", "imports", "enums", "types", "errors", "roles")
_RECORD_KEYS = ("doc", "fields", "deprecated")
_FIELD_KEYS = ("type", "doc", "default", "id", "deprecated")
_ROLE_KEYS = ("doc", "methods", "deprecated")
_METHOD_KEYS = ("doc", "params", "returns", "timeout", "idempotent", "callers", "errors", "deprecated")


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
        self._problems = problems

    def file(self, root: Mapping) -> FileSyntax:
        """Read the whole file."""
        values = self._values
        keys = values.keys(root, _FILE_KEYS, "a schema file")
        package = self._package(root, keys)
        return FileSyntax(
            path=self._path,
            package=package,
            python=values.dotted(keys.get("python"), "'python'") or package,
            doc=values.text(keys.get("doc"), "'doc'"),
            imports=values.items(keys.get("imports"), "'imports'"),
            enums=tuple(
                read_enum(package, name, node, values)
                for name, node in values.named_types(values.mapping(keys.get("enums"), "'enums'"), "an enum")
            ),
            records=(
                *self._records(keys.get("types"), "a type", is_error=False),
                *self._records(keys.get("errors"), "an error", is_error=True),
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

    def _records(self, node: Node | None, what: str, *, is_error: bool) -> tuple[RecordSyntax, ...]:
        section = self._values.mapping(node, "'errors'" if is_error else "'types'")
        return tuple(self._record(name, body, what, is_error) for name, body in self._values.named_types(section, what))

    def _record(self, name: Scalar, node: Node, what: str, is_error: bool) -> RecordSyntax:
        values = self._values
        keys = values.keys(values.mapping(node, f"{what}"), _RECORD_KEYS, what)
        fields = self._fields(keys.get("fields"), "'fields'", "a field")
        refuse_streams(fields, self._problems)
        return RecordSyntax(
            name=name.text,
            location=name.location,
            fields=fields,
            is_error=is_error,
            doc=values.text(keys.get("doc"), "'doc'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
        )

    def _fields(self, node: Node | None, section: str, what: str) -> tuple[FieldSyntax, ...]:
        named = self._values.named(self._values.mapping(node, section), what)
        found = [self._field(name, body, what) for name, body in named]
        return check_fields(tuple(field for field in found if field is not None), self._problems)

    def _field(self, name: Scalar, node: Node, what: str) -> FieldSyntax | None:
        values = self._values
        keys: dict[str, Node] = {"type": node}  # the short form: the type alone
        if not isinstance(node, Scalar):
            keys = values.keys(values.mapping(node, what), _FIELD_KEYS, what)
        default = keys.get("default")
        if default is not None and not isinstance(default, Scalar):
            values.wrong(default.location, Code.WRONG_VALUE, "'default' must be a single value")
        number = values.integer(keys.get("id"), "'id'")
        doc = values.text(keys.get("doc"), "'doc'")
        deprecated = values.truth(keys.get("deprecated"), "'deprecated'")
        typed = self._type(keys.get("type"), name.location, what)
        if typed is None:
            return None
        return FieldSyntax(
            name=name.text,
            location=name.location,
            type=typed[0],
            type_location=typed[1],
            number=number,
            default=default if isinstance(default, Scalar) else None,
            doc=doc,
            deprecated=deprecated,
        )

    def _type(self, node: Node | None, place: Location, what: str) -> tuple[TypeSyntax, Location] | None:
        """Return a type and where its text starts."""
        if not isinstance(node, Scalar) or node.empty:
            self._problems.add(
                node.location if node else place, Code.MISSING_KEY, f"{what} must have a type, such as 'string'"
            )
            return None
        start = _text_start(node)
        try:
            return parse_type(node.text), start
        except TypeSyntaxError as error:
            self._problems.add(start.shifted(error.offset), Code.TYPE_SYNTAX, str(error))
            return None

    def _roles(self, node: Node | None) -> tuple[RoleSyntax, ...]:
        section = self._values.mapping(node, "'roles'")
        return tuple(self._role(name, body) for name, body in self._values.named(section, "a role"))

    def _role(self, name: Scalar, node: Node) -> RoleSyntax:
        values = self._values
        keys = values.keys(values.mapping(node, "a role"), _ROLE_KEYS, "a role")
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
        keys = values.keys(values.mapping(node, "a method"), _METHOD_KEYS, "a method")
        params = self._fields(keys.get("params"), "'params'", "a parameter")
        check_streams(params, self._problems)
        return MethodSyntax(
            name=name.text,
            location=name.location,
            params=params,
            returns=self._returns(keys.get("returns")),
            timeout=values.seconds(keys.get("timeout"), "'timeout'"),
            idempotent=values.truth(keys.get("idempotent"), "'idempotent'"),
            callers=values.items(keys.get("callers"), "'callers'"),
            errors=values.items(keys.get("errors"), "'errors'"),
            doc=values.text(keys.get("doc"), "'doc'"),
            deprecated=values.truth(keys.get("deprecated"), "'deprecated'"),
        )

    def _returns(self, node: Node | None) -> FieldSyntax | None:
        if node is None or (isinstance(node, Scalar) and node.empty):
            return None
        typed = self._type(node, node.location, "'returns'")
        if typed is None:
            return None
        return FieldSyntax(name="value", location=typed[1], type=typed[0], type_location=typed[1], number=1)


def _text_start(node: Scalar) -> Location:
    """Return where a scalar's text starts, behind a quote if there is one."""
    return node.location if node.plain else node.location.shifted(1)

"""The .proto form of a YAML file: ordinary proto3 that any language's tools can read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from oiafed_gen.header import proto_header
from oiafed_gen.model import (
    ENUM_NUMBERS,
    FIELD_NUMBERS,
    Default,
    Enum,
    Field,
    File,
    Kind,
    Label,
    Message,
    Method,
    OneOf,
    Reserved,
    Role,
    TypeRef,
)

_ESCAPES = {'"': '"', "\\": "\\", "\n": "n", "\t": "t", "\r": "r"}


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """A statement of proto, with the statements in its braces; without braces where `body` is None."""

    text: str
    comment: tuple[str, ...] = ()
    body: tuple[Statement, ...] | None = None

    def lines(self, indent: str = "") -> Iterator[str]:
        """Yield its lines, and those of the statements in its braces."""
        yield from (f"{indent}//{line}" for line in self.comment)
        if not self.body:
            yield f"{indent}{self.text}{';' if self.body is None else ' {}'}"
            return
        yield f"{indent}{self.text} {{"
        for inner in self.body:
            yield from inner.lines(f"{indent}  ")
        yield f"{indent}}}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    """The inside of a package, message or service; what its members are called hides types of the scopes around it."""

    full_name: str
    members: frozenset[str] = frozenset()
    outer: _Scope | None = None

    def reference(self, type_: TypeRef) -> str:
        """Return how a type is named here.

        A leading dot is written wherever protobuf's rules could find something else: for other packages, for names
        that start like a keyword, and for those of members and of the entry types of map fields.
        """
        if type_.kind is Kind.SCALAR:
            return type_.name
        home, _, name = type_.name.rpartition(".")
        if name[:1].isupper() and not name.endswith("Entry"):
            scope: _Scope | None = self
            while scope is not None and (scope.full_name == home or name not in scope.members):
                if scope.full_name == home:
                    return name
                scope = scope.outer
        return f".{type_.name}"


def lowered_proto(file: File) -> str:
    """Return the .proto text of a YAML file."""
    groups = ("".join(f"{line}\n" for each in group for line in each.lines()) for group in _groups(file))
    return proto_header(file.path) + "\n".join(groups)


def _groups(file: File) -> list[tuple[Statement, ...]]:
    """Return the statements of a file, in groups with an empty line between each two."""
    groups: list[tuple[Statement, ...]] = [(Statement('syntax = "proto3"', _comment(file.doc)),)]
    if file.package:
        groups.append((Statement(f"package {file.package}"),))
    if file.imports:
        groups.append(tuple(Statement(f'import "{name}"') for name in file.imports))
    options = _deprecation(file.deprecated)
    if file.python != file.package:
        options = (*options, Statement(f'option (oiafed.v1.python) = "{file.python}"'))
    if options:
        groups.append(options)
    package = _Scope(file.package)
    groups += [(_enum(enum),) for enum in file.enums]
    groups += [(_message(message, package),) for message in file.messages]
    groups += [(_service(role, package),) for role in file.roles]
    return groups


def _enum(enum: Enum) -> Statement:
    values = tuple(
        Statement(f"{value.name} = {value.number}{_options(_deprecated(value.deprecated))}", _comment(value.doc))
        for value in enum.values
    )
    alias = (Statement("option allow_alias = true"),) if enum.allow_alias else ()
    body = (*_deprecation(enum.deprecated), *alias, *_reserved(enum.reserved, ENUM_NUMBERS[1]), *values)
    return Statement(f"enum {enum.name}", _comment(enum.doc), body)


def _reserved(reserved: Reserved, greatest: int) -> Iterator[Statement]:
    if reserved.numbers:
        yield Statement(f"reserved {', '.join(_range(first, last, greatest) for first, last in reserved.numbers)}")
    if reserved.names:
        yield Statement(f"reserved {', '.join(map(_string, reserved.names))}")


def _range(first: int, last: int, greatest: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last == greatest else last}"


def _message(message: Message, outer: _Scope) -> Statement:
    error = (Statement("option (oiafed.v1.error) = true"),) if message.is_error else ()
    scope = _Scope(message.full_name, frozenset(_members(message)), outer)
    body = (
        *_deprecation(message.deprecated),
        *error,
        *_reserved(message.reserved, FIELD_NUMBERS[1]),
        *(_enum(enum) for enum in message.enums),
        *(_message(inner, scope) for inner in message.messages),
        *_fields(message, scope),
    )
    return Statement(f"message {message.name}", _comment(message.doc or _composition(message)), body)


def _members(message: Message) -> Iterator[str]:
    """Yield all names that a message gives to its inside."""
    items: list[Field | OneOf | Message | Enum] = [
        *message.fields,
        *message.one_ofs,
        *message.messages,
        *message.enums,
    ]
    yield from (item.name for item in items)
    yield from (value.name for enum in message.enums for value in enum.values)


def _fields(message: Message, scope: _Scope) -> Iterator[Statement]:
    """Yield the fields in order; the members of a oneof inside it, where its first one is."""
    one_ofs = {one_of.members[:1]: one_of for one_of in message.one_ofs}
    for field in message.fields:
        if not field.one_of:
            yield _field(field, scope)
        elif (one_of := one_ofs.get((field.name,))) is not None:
            members = tuple(_field(other, scope) for other in message.fields if other.one_of == one_of.name)
            yield Statement(f"oneof {one_of.name}", _comment(one_of.doc), members)


def _composition(message: Message) -> str:
    """Say what the messages of a streamed request hold: what its parameters are is not to be seen from a message."""
    items = next((field.name for field in message.fields if field.stream), None)
    if items is None:
        return ""
    others = [field.name for field in message.fields if not field.stream]
    if not others:
        return f"A request is a stream of these: each has one item of `{items}`."
    listed = ", ".join(f"`{name}`" for name in others)
    return f"A request is a stream of these: the first has {listed}, and each that follows one item of `{items}`."


def _field(field: Field, scope: _Scope) -> Statement:
    type_ = scope.reference(field.type)
    if field.label is Label.MAP:
        type_ = f"map<{field.key}, {type_}>"
    elif field.label is Label.LIST:
        type_ = f"repeated {type_}"
    elif field.label is Label.OPTIONAL or field.default is not None:
        type_ = f"optional {type_}"
    options = list(_deprecated(field.deprecated))
    if field.default is not None:
        options.append(f"(oiafed.v1.default) = {_string(_default(field.default))}")
    return Statement(f"{type_} {field.name} = {field.number}{_options(options)}", _comment(field.doc))


def _default(default: Default) -> str:
    """Return how a default is written as an option; reading it back gives the same value."""
    value = default.value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode() if isinstance(value, bytes) else str(value)


def _service(role: Role, package: _Scope) -> Statement:
    head = (*_deprecation(role.deprecated), Statement(f"option (oiafed.v1.role) = {_string(role.name)}"))
    scope = _Scope(role.service, frozenset(method.rpc for method in role.methods), package)
    methods = tuple(_method(method, scope) for method in role.methods)
    return Statement(f"service {role.service.rpartition('.')[2]}", _comment(role.doc), (*head, *methods))


def _method(method: Method, scope: _Scope) -> Statement:
    request = scope.reference(TypeRef(Kind.MESSAGE, method.request))
    response = scope.reference(TypeRef(Kind.MESSAGE, method.response))
    taken, given = ("stream " if stream else "" for stream in (method.client_stream, method.server_stream))
    text = f"rpc {method.rpc}({taken}{request}) returns ({given}{response})"
    options = (*_deprecation(method.deprecated), *_method_options(method))
    return Statement(text, _comment(method.doc), options)


def _method_options(method: Method) -> Iterator[Statement]:
    if method.idempotent:
        yield Statement("option idempotency_level = IDEMPOTENT")
    parts = [f"timeout: {method.timeout!r}"] if method.timeout is not None else []
    parts += [f"callers: {_string(caller.name)}" for caller in method.callers]
    parts += [f"errors: {_string(error.name)}" for error in method.errors]
    if not method.client_stream:  # to other readers of this text, a stream is of messages
        parts.append("unpack: true")
    if parts:
        yield Statement(f"option (oiafed.v1.method) = {{ {' '.join(parts)} }}")


def _deprecation(deprecated: bool) -> tuple[Statement, ...]:
    return (Statement("option deprecated = true"),) if deprecated else ()


def _deprecated(deprecated: bool) -> tuple[str, ...]:
    return ("deprecated = true",) if deprecated else ()


def _options(options: tuple[str, ...] | list[str]) -> str:
    return f" [{', '.join(options)}]" if options else ""


def _string(text: str) -> str:
    escaped = (c if c.isprintable() and c not in '"\\' else f"\\{_ESCAPES.get(c) or f'U{ord(c):08x}'}" for c in text)
    return f'"{"".join(escaped)}"'


def _comment(doc: str) -> tuple[str, ...]:
    return tuple(f" {line}".rstrip() for line in doc.splitlines())

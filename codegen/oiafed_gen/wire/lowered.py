"""The .proto form of a YAML file: ordinary proto3 that any language's tools can read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from oiafed_gen.header import proto_header
from oiafed_gen.model import Default, Enum, Field, File, Kind, Label, Message, Method, Role, TypeRef
from oiafed_gen.templating import render

_ESCAPES = {'"': '"', "\\": "\\", "\n": "n", "\t": "t", "\r": "r"}


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """A statement of proto, with the statements in its braces; without braces where `body` is None."""

    text: str
    comment: tuple[str, ...] = ()
    body: tuple[Statement, ...] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ProtoView:
    """A .proto file: groups of statements with an empty line between each two."""

    header: str
    groups: tuple[tuple[Statement, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Scope:
    """The inside of a message or service, whose own members hide types of the package."""

    package: str
    members: frozenset[str]

    def reference(self, type_: TypeRef) -> str:
        """Return how a type is named here.

        A leading dot is written wherever protobuf's rules could find something else: for other packages, for names
        that start like a keyword, and for those of members and of the entry types of map fields.
        """
        if type_.kind is Kind.SCALAR:
            return type_.name
        short = type_.name.removeprefix(f"{self.package}.")
        plain = "." not in short and short[:1].isupper() and not short.endswith("Entry")
        return short if plain and short not in self.members else f".{type_.name}"


def lowered_proto(file: File) -> str:
    """Return the .proto text of a YAML file."""
    return render("schema.proto.j2", _view(file))


def _view(file: File) -> ProtoView:
    groups: list[tuple[Statement, ...]] = [(Statement('syntax = "proto3"', _comment(file.doc)),)]
    if file.package:
        groups.append((Statement(f"package {file.package}"),))
    if file.imports:
        groups.append(tuple(Statement(f'import "{name}"') for name in file.imports))
    if file.python != file.package:
        groups.append((Statement(f'option (oiafed.v1.python) = "{file.python}"'),))
    groups += [(_enum(enum),) for enum in file.enums]
    groups += [(_message(message, file.package),) for message in file.messages]
    groups += [(_service(role, file.package),) for role in file.roles]
    return ProtoView(proto_header(file.path), tuple(groups))


def _enum(enum: Enum) -> Statement:
    values = tuple(
        Statement(f"{value.name} = {value.number}{_options(_deprecated(value.deprecated))}", _comment(value.doc))
        for value in enum.values
    )
    body = (*_deprecation(enum.deprecated), *values)
    return Statement(f"enum {enum.name}", _comment(enum.doc), body)


def _message(message: Message, package: str) -> Statement:
    error = (Statement("option (oiafed.v1.error) = true"),) if message.is_error else ()
    scope = _Scope(package, frozenset(field.name for field in message.fields))
    fields = tuple(_field(field, scope) for field in message.fields)
    body = (*_deprecation(message.deprecated), *error, *fields)
    return Statement(f"message {message.name}", _comment(message.doc or _composition(message)), body)


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


def _service(role: Role, package: str) -> Statement:
    head = (*_deprecation(role.deprecated), Statement(f"option (oiafed.v1.role) = {_string(role.name)}"))
    scope = _Scope(package, frozenset(method.rpc for method in role.methods))
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
    return tuple(f" {line}" if line else "" for line in doc.splitlines())

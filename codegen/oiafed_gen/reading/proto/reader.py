"""From protoc's descriptors to the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2 as pb

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems, suggestion
from oiafed_gen.model import (
    Default,
    Enum,
    EnumValue,
    Field,
    File,
    Kind,
    Label,
    Mention,
    Message,
    Method,
    OneOf,
    Reserved,
    Role,
    TypeRef,
)
from oiafed_gen.provided import EMPTY, is_native, refusal
from oiafed_gen.reading.defaults import DefaultError, parse_default
from oiafed_gen.reading.proto.options import SchemaOptions
from oiafed_gen.reading.proto.places import Path, Places
from oiafed_gen.spelling import qualified, snake

_MESSAGE, _ENUM, _SERVICE = 4, 5, 6  # fields of FileDescriptorProto
_FIELD, _NESTED, _NESTED_ENUM, _ONEOF = 2, 3, 4, 8  # fields of DescriptorProto
_VALUE, _METHOD = 2, 2  # fields of EnumDescriptorProto and ServiceDescriptorProto
_SCALARS = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in pb.FieldDescriptorProto.Type.items()
    if name not in ("TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP")
}
_IDEMPOTENT = (pb.MethodOptions.IDEMPOTENT, pb.MethodOptions.NO_SIDE_EFFECTS)


class ProtoReader:
    """Reads files that protoc has accepted.

    Args:
        descriptors: All descriptors of the run, those of imported files included.
        provided: The names of the files among them that are no part of the schema.
        problems: Takes what protoc accepts and this project does not.
    """

    def __init__(
        self, descriptors: Sequence[pb.FileDescriptorProto], provided: Collection[str], problems: Problems
    ) -> None:
        self._problems = problems
        self._known = _Known(
            options=SchemaOptions(descriptors),
            enums={full: enum for file in descriptors for full, enum in _enums_of(file)},
            messages={full for file in descriptors for full, _ in _messages_of(file)},
            provided={
                full
                for file in descriptors
                if file.name in provided
                for full, _ in (*_messages_of(file), *_enums_of(file))
            },
        )

    def read(self, path: str, text: str, descriptor: pb.FileDescriptorProto) -> File:
        """Return the model of one file."""
        return _FileReader(self._known, Places(path, text, descriptor), self._problems, path, descriptor).file()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the files of a run declare.

    Attributes:
        options: Reads the toolkit's own options.
        enums: All enums by full name.
        messages: The full names of all messages.
        provided: The full names of the types that are no part of the schema.
    """

    options: SchemaOptions
    enums: Mapping[str, pb.EnumDescriptorProto]
    messages: set[str]
    provided: set[str]


class _FileReader:
    """Reads one file."""

    def __init__(
        self, known: _Known, places: Places, problems: Problems, path: str, descriptor: pb.FileDescriptorProto
    ) -> None:
        self._known = known
        self._options = known.options
        self._places = places
        self._problems = problems
        self._path = path
        self._descriptor = descriptor

    def file(self) -> File:
        """Read the whole file."""
        file = self._descriptor
        return File(
            path=self._path,
            proto_name=file.name,
            package=file.package,
            python=self._options.read(file.options, "python") or file.package or _package_of(self._path),
            is_yaml=False,
            imports=tuple(file.dependency),
            messages=tuple(self._message(m, file.package, (_MESSAGE, i)) for i, m in enumerate(file.message_type)),
            enums=tuple(self._enum(e, file.package, (_ENUM, i)) for i, e in enumerate(file.enum_type)),
            roles=tuple(self._role(s, (_SERVICE, i)) for i, s in enumerate(file.service)),
            doc=self._places.file_doc(),
            deprecated=file.options.deprecated,
        )

    def _message(self, message: pb.DescriptorProto, outer: str, path: Path, wire_only: bool = False) -> Message:
        full_name = qualified(outer, message.name)
        wire_only = wire_only or is_native(full_name)
        entries = {qualified(full_name, m.name): m for m in message.nested_type if m.options.map_entry}
        one_ofs = self._one_ofs(message, path)
        return Message(
            name=message.name,
            full_name=full_name,
            location=self._places.name(path),
            fields=tuple(self._field(f, message, entries, (*path, _FIELD, i)) for i, f in enumerate(message.field)),
            one_ofs=one_ofs,
            messages=tuple(
                self._message(m, full_name, (*path, _NESTED, i), wire_only)
                for i, m in enumerate(message.nested_type)
                if not m.options.map_entry
            ),
            enums=tuple(self._enum(e, full_name, (*path, _NESTED_ENUM, i)) for i, e in enumerate(message.enum_type)),
            reserved=Reserved(
                tuple((span.start, span.end - 1) for span in message.reserved_range), tuple(message.reserved_name)
            ),
            wire_only=wire_only,
            is_error=bool(self._options.read(message.options, "error")),
            doc=self._places.doc(path),
            deprecated=message.options.deprecated,
        )

    def _one_ofs(self, message: pb.DescriptorProto, path: Path) -> tuple[OneOf, ...]:
        """Return the oneofs that were written as such; each optional field has one of its own in the descriptor."""
        members: dict[int, list[str]] = {}
        for field in message.field:
            if _is_member(field):
                members.setdefault(field.oneof_index, []).append(field.name)
        return tuple(
            OneOf(
                name=message.oneof_decl[index].name,
                location=self._places.name((*path, _ONEOF, index)),
                members=tuple(names),
                doc=self._places.doc((*path, _ONEOF, index)),
            )
            for index, names in members.items()
        )

    def _field(
        self,
        field: pb.FieldDescriptorProto,
        owner: pb.DescriptorProto,
        entries: Mapping[str, pb.DescriptorProto],
        path: Path,
    ) -> Field:
        entry = entries.get(field.type_name.removeprefix("."))
        value = entry.field[1] if entry else field
        type_, label = self._type(value, path), _label(field, entry is not None)
        default = self._default(field, type_, label, path)
        return Field(
            name=field.name,
            location=self._places.name(path),
            type=type_,
            label=Label.SINGULAR if default else label,
            number=field.number,
            key=_SCALARS[entry.field[0].type] if entry else None,
            one_of=owner.oneof_decl[field.oneof_index].name if _is_member(field) else "",
            default=default,
            doc=self._places.doc(path),
            deprecated=field.options.deprecated,
        )

    def _type(self, field: pb.FieldDescriptorProto, path: Path) -> TypeRef:
        name = field.type_name.removeprefix(".")
        if field.type == pb.FieldDescriptorProto.TYPE_MESSAGE:
            self._refuse_foreign(name, path)
            return TypeRef(Kind.MESSAGE, name)
        if field.type == pb.FieldDescriptorProto.TYPE_ENUM:
            self._refuse_foreign(name, path)
            return TypeRef(Kind.ENUM, name)
        return TypeRef(Kind.SCALAR, _SCALARS[field.type])

    def _refuse_foreign(self, name: str, path: Path) -> None:
        if name in self._known.provided and not is_native(name):
            self._problems.add(self._places.at(path), Code.UNSUPPORTED, refusal(name))

    def _default(self, field: pb.FieldDescriptorProto, type_: TypeRef, label: Label, path: Path) -> Default | None:
        text = self._options.read(field.options, "default")
        if text is None:
            return None
        single = Label.SINGULAR if label is Label.OPTIONAL else label
        values = self._known.enums[type_.name].value if type_.kind is Kind.ENUM else ()
        try:
            if _is_member(field):
                raise DefaultError("a member of a oneof has no default: where it is not set, another may be")
            if label is Label.SINGULAR:
                raise DefaultError("a field with a default must be 'optional', so that its absence can be seen")
            return parse_default(text, type_, single, tuple((value.name, value.name) for value in values))
        except DefaultError as error:
            self._problems.add(self._places.at(path), Code.BAD_DEFAULT, str(error))
            return None

    def _enum(self, enum: pb.EnumDescriptorProto, outer: str, path: Path) -> Enum:
        return Enum(
            name=enum.name,
            full_name=qualified(outer, enum.name),
            location=self._places.name(path),
            values=tuple(self._value(value, (*path, _VALUE, i)) for i, value in enumerate(enum.value)),
            allow_alias=enum.options.allow_alias,
            reserved=Reserved(tuple((span.start, span.end) for span in enum.reserved_range), tuple(enum.reserved_name)),
            doc=self._places.doc(path),
            deprecated=enum.options.deprecated,
        )

    def _value(self, value: pb.EnumValueDescriptorProto, path: Path) -> EnumValue:
        return EnumValue(
            name=value.name,
            member=value.name,
            number=value.number,
            location=self._places.name(path),
            doc=self._places.doc(path),
            deprecated=value.options.deprecated,
        )

    def _role(self, service: pb.ServiceDescriptorProto, path: Path) -> Role:
        return Role(
            name=self._options.read(service.options, "role") or snake(service.name),
            service=qualified(self._descriptor.package, service.name),
            location=self._places.name(path),
            methods=tuple(self._method(m, (*path, _METHOD, i)) for i, m in enumerate(service.method)),
            doc=self._places.doc(path),
            deprecated=service.options.deprecated,
        )

    def _method(self, method: pb.MethodDescriptorProto, path: Path) -> Method:
        location = self._places.name(path)
        options: dict[str, Any] = self._options.read(method.options, "method") or {}
        if method.client_streaming and options.get("unpack"):
            self._problems.add(
                location,
                Code.MISPLACED_STREAM,
                "a stream of requests does not unpack into parameters; leave 'unpack' out",
            )
        request, response = method.input_type.removeprefix("."), method.output_type.removeprefix(".")
        for name in (request, response):
            self._refuse_foreign(name, path)
        if options.get("unpack") and is_native(request) and request != EMPTY:
            problem = f"'{request}' does not unpack into parameters; leave 'unpack' out"
            self._problems.add(location, Code.WRONG_VALUE, problem)
        timeout = float(options.get("timeout", 0))
        if not 0 <= timeout < float("inf"):
            self._problems.add(location, Code.WRONG_VALUE, "'timeout' must be a positive number of seconds")
        return Method(
            name=snake(method.name),
            rpc=method.name,
            location=location,
            request=request,
            response=response,
            unpack=bool(options.get("unpack")),
            client_stream=method.client_streaming,
            server_stream=method.server_streaming,
            timeout=timeout or None,
            idempotent=method.options.idempotency_level in _IDEMPOTENT,
            callers=tuple(Mention(name, self._places.at(path)) for name in options.get("callers", ())),
            errors=self._errors(options.get("errors", ()), path),
            doc=self._places.doc(path),
            deprecated=method.options.deprecated,
        )

    def _errors(self, names: Sequence[str], path: Path) -> tuple[Mention, ...]:
        found: list[Mention] = []
        for name in names:
            full_name = _resolve(name, self._descriptor.package, self._known.messages)
            if full_name in self._known.provided:
                message = f"'{name}' is not of this schema, so it cannot be raised; declare a message for it"
                self._problems.add(self._places.at(path), Code.NOT_AN_ERROR, message)
            elif full_name is None:
                hint = suggestion(name, {known.rpartition(".")[2] for known in self._known.messages})
                self._problems.add(self._places.at(path), Code.UNKNOWN_ERROR, f"unknown error '{name}'{hint}")
            else:
                found.append(Mention(full_name, self._places.at(path)))
        return tuple(found)


def _resolve(name: str, package: str, known: set[str]) -> str | None:
    """Look a name up as protobuf does: in the package, then in those around it."""
    scope = package
    while True:
        candidate = qualified(scope, name.removeprefix("."))
        if candidate in known:
            return candidate
        if not scope:
            return None
        scope = scope.rpartition(".")[0]


def _is_member(field: pb.FieldDescriptorProto) -> bool:
    """Whether a field is a member of a oneof that was written as such."""
    return field.HasField("oneof_index") and not field.proto3_optional


def _label(field: pb.FieldDescriptorProto, is_map: bool) -> Label:
    if is_map:
        return Label.MAP
    if field.label == pb.FieldDescriptorProto.LABEL_REPEATED:
        return Label.LIST
    return Label.OPTIONAL if field.proto3_optional else Label.SINGULAR


def _enums_of(file: pb.FileDescriptorProto) -> Iterator[tuple[str, pb.EnumDescriptorProto]]:
    yield from ((qualified(file.package, enum.name), enum) for enum in file.enum_type)
    for full_name, message in _messages_of(file):
        yield from ((qualified(full_name, enum.name), enum) for enum in message.enum_type)


def _messages_of(file: pb.FileDescriptorProto) -> Iterator[tuple[str, pb.DescriptorProto]]:
    """Yield the messages of a file by their full names, nested ones included."""
    ahead = [(qualified(file.package, message.name), message) for message in file.message_type]
    while ahead:
        full_name, message = ahead.pop()
        yield full_name, message
        ahead += [(qualified(full_name, nested.name), nested) for nested in message.nested_type]


def _package_of(path: str) -> str:
    """Return the Python package of a file that declares no proto package: the file's own name."""
    return snake(path.rpartition("/")[2].removesuffix(".proto")).replace("-", "_")

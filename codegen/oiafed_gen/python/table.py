"""Every type and file of a schema by name, with its place in Python."""

from __future__ import annotations

import dataclasses
import keyword
from collections.abc import Iterator, Mapping
from functools import cached_property

from oiafed_gen.diagnostics import Problems
from oiafed_gen.graphs import cycles
from oiafed_gen.model import Enum, Field, File, Kind, Label, Message, Method, OneOf, walk_messages
from oiafed_gen.provided import NULL, WRAPPERS, Provided, provider
from oiafed_gen.python import names

Package = tuple[str, ...]

_ABSENT = WRAPPERS.keys() | {NULL}  # single values of these may be absent, or are None themselves


@dataclasses.dataclass(frozen=True, slots=True)
class PythonType:
    """The Python form of a message or enum.

    Attributes:
        package: The folders of its Python package.
        path: The class's name, behind the names of the classes around it.
        attributes: What each field, or each value of an enum, is called.
        one_ofs: What the attribute is called that tells which member of a oneof is set.
    """

    package: Package
    path: tuple[str, ...]
    attributes: Mapping[str, str]
    one_ofs: Mapping[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclasses.dataclass(frozen=True, slots=True)
class WireModule:
    """The module of a file's protobuf messages.

    Attributes:
        package: The folders of its Python package; None where it is not generated but provided as `provided`.
        name: The module's name.
    """

    package: Package | None
    name: str
    provided: str = ""


class Table:
    """The Python side of the whole schema.

    Args:
        files: The schema's files.
        provided: The files that exist already.
        problems: Takes the clashes of names.
    """

    def __init__(self, files: tuple[File, ...], provided: Provided, problems: Problems) -> None:
        self.files = files
        self.provided = provided
        self.messages: dict[str, Message] = {}
        self.enums: dict[str, Enum] = {}
        self.types: dict[str, PythonType] = {}
        self.file_of: dict[str, File] = {}
        self._problems = problems
        for package, members in self.packages.items():
            self._add_package(package, members)

    @cached_property
    def packages(self) -> dict[Package, tuple[File, ...]]:
        """The files of each Python package."""
        found: dict[Package, tuple[File, ...]] = {}
        for file in self.files:
            package = names.package_path(file.python)
            found[package] = (*found.get(package, ()), file)
        return found

    def wire_module(self, proto_name: str) -> WireModule:
        """Return the module that holds the messages of a file."""
        file = self._by_proto_name.get(proto_name)
        if file is None:
            package, module = self.provided.module(proto_name)
            return WireModule(None, module, package)
        stem = proto_name.rpartition("/")[2].removesuffix(".proto")
        return WireModule((*names.package_path(file.python), "wire"), f"{names.module_name(stem)}_pb2")

    def wire_class(self, full_name: str) -> tuple[str, tuple[str, ...]]:
        """Return the proto name of the file that declares a message, and the message's path in its module."""
        file = self.file_of.get(full_name)
        if file is None:
            return provider(full_name), (full_name.rpartition(".")[2],)
        prefix = f"{file.package}." if file.package else ""
        return file.proto_name, tuple(full_name.removeprefix(prefix).split("."))

    def is_nested_elsewhere(self, owner: Message, full_name: str) -> bool:
        """Whether a generated type is inside a class of the owner's package that is neither the owner nor inside it."""
        if full_name not in self.types:
            return False
        here, type_ = self.types[owner.full_name], self.types[full_name]
        return type_.package == here.package and type_.path[:-1] != () and type_.path[: len(here.path)] != here.path

    def unpacked(self, method: Method) -> Message | None:
        """Return the message whose fields are the parameters of a method; None where it takes the message itself."""
        return self.messages.get(method.request) if method.unpack else None

    def is_optional(self, owner: Message, field: Field) -> bool:
        """Whether None stands for an absent field: by declaration, or since the message would contain itself."""
        if field.label is not Label.SINGULAR or field.stream:
            return field.label is Label.OPTIONAL
        if field.one_of or field.type.name in _ABSENT:
            return True
        return field.type.name in self._reached_from.get(owner.full_name, ())

    @cached_property
    def _by_proto_name(self) -> dict[str, File]:
        return {file.proto_name: file for file in self.files}

    @cached_property
    def _reached_from(self) -> dict[str, set[str]]:
        """For each message that contains itself, the messages on such cycles with it."""
        edges = {name: set(_required(message)) & self.messages.keys() for name, message in self.messages.items()}
        return {name: members for members in cycles(edges) for name in members}

    def _add_package(self, package: Package, files: tuple[File, ...]) -> None:
        top: list[Enum | Message] = [
            *(item for file in files for item in file.enums),
            *(item for file in files for item in file.messages if not item.wire_only),
        ]
        scope = f"the package {'.'.join(package)}"
        assigned = names.assign(((i.name, i.location) for i in top), names.TYPE_RESERVED, scope, self._problems)
        for file in files:
            for enum in file.enums:
                self._add_enum(file, enum, package, (assigned[enum.name],))
            for message in file.messages:
                name = message.name if message.wire_only else assigned[message.name]
                self._add_message(file, message, package, (name,))

    def _add_message(self, file: File, message: Message, package: Package, path: tuple[str, ...]) -> None:
        nested: list[Enum | Message] = [*message.enums, *message.messages]
        scope = f"'{message.name}'"
        classes = names.assign(((i.name, i.location) for i in nested), names.NESTED_RESERVED, scope, self._problems)
        reserved = {*_field_reserved(message), *classes.values()}
        members: list[Field | OneOf] = [*message.fields, *message.one_ofs]
        assigned = names.assign(((m.name, m.location) for m in members), reserved, scope, self._problems)
        self.messages[message.full_name] = message
        self.file_of[message.full_name] = file
        self.types[message.full_name] = PythonType(
            package,
            path,
            {field.name: assigned[field.name] for field in message.fields},
            {one_of.name: assigned[one_of.name] for one_of in message.one_ofs},
        )
        for enum in message.enums:
            self._add_enum(file, enum, package, (*path, classes[enum.name]))
        for inner in message.messages:
            self._add_message(file, inner, package, (*path, classes[inner.name]))

    def _add_enum(self, file: File, enum: Enum, package: Package, path: tuple[str, ...]) -> None:
        members = names.assign(
            ((value.member, value.location) for value in enum.values),
            names.MEMBER_RESERVED,
            f"'{enum.name}'",
            self._problems,
        )
        self.enums[enum.full_name] = enum
        self.file_of[enum.full_name] = file
        attributes = {value.name: members[value.member] for value in enum.values}
        self.types[enum.full_name] = PythonType(package, path, attributes)


def is_plain_attribute(path: tuple[str, ...]) -> bool:
    """Whether type checkers see the path as attributes: stubs leave names out that mean something else there."""
    if any(keyword.iskeyword(part) or part.startswith("_") for part in path):
        return False
    return names.MESSAGE_ATTRIBUTES.isdisjoint(path[1:])


def _field_reserved(message: Message) -> frozenset[str]:
    if message.wire_only:
        return names.PARAMETER_RESERVED
    return names.ERROR_FIELD_RESERVED if message.is_error else names.FIELD_RESERVED


def _required(message: Message) -> Iterator[str]:
    for field in message.fields:
        if field.type.kind is Kind.MESSAGE and field.label is Label.SINGULAR and not field.one_of:
            yield field.type.name


def walk_python(file: File) -> Iterator[Message]:
    """Yield the messages of a file that have a Python class."""
    return (message for message in walk_messages(file.messages) if not message.wire_only)

"""What a schema says, whichever language it was written in: the only bridge from the readers to the renderer.

Names in the model are the schema's own. What they become in Python is the business of `oiafed_gen.python`.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from oiafed_gen.diagnostics import Location


class Kind(enum.Enum):
    """What a type name stands for."""

    SCALAR = enum.auto()
    ENUM = enum.auto()
    MESSAGE = enum.auto()


class Label(enum.Enum):
    """How many values a field holds."""

    SINGULAR = enum.auto()
    OPTIONAL = enum.auto()
    LIST = enum.auto()
    MAP = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class TypeRef:
    """A resolved type: a proto3 scalar by its keyword, or an enum or message by its full proto name."""

    kind: Kind
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Default:
    """The value that stands for an absent field; for enums the name of the proto value."""

    value: bool | int | float | str | bytes


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a message, or a parameter of a method.

    Attributes:
        key: The scalar type of a map's keys; None for other fields.
        stream: The parameter is a stream, and the field has one item of it.
        one_of: The name of the oneof that it is a member of; "" for none.
    """

    name: str
    location: Location
    type: TypeRef
    label: Label
    number: int
    key: str | None = None
    stream: bool = False
    one_of: str = ""
    default: Default | None = None
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """Fields of a message of which one at most is set; `members` are their names, in order."""

    name: str
    location: Location
    members: tuple[str, ...]
    doc: str = ""


FIELD_NUMBERS = (1, 536_870_911)
ENUM_NUMBERS = (-(2**31), 2**31 - 1)
"""The least and the greatest number that fields, and values of enums, can have."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reserved:
    """What the fields of a message, or the values of an enum, must not be called or numbered.

    Attributes:
        numbers: Ranges by their first and last number, both inclusive.
        names: Names as they are in proto.
    """

    numbers: tuple[tuple[int, int], ...] = ()
    names: tuple[str, ...] = ()

    def has_number(self, number: int) -> bool:
        """Whether a number is reserved."""
        return any(first <= number <= last for first, last in self.numbers)


NONE_RESERVED = Reserved()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EnumValue:
    """A value of an enum.

    Attributes:
        name: The name in proto.
        member: The name for Python, before escaping.
    """

    name: str
    member: str
    number: int
    location: Location
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    """An enumeration; with `allow_alias`, several names may have one number."""

    name: str
    full_name: str
    location: Location
    values: tuple[EnumValue, ...]
    allow_alias: bool = False
    reserved: Reserved = NONE_RESERVED
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A record type, a schema error, or the wire form of a method's parameters or result.

    Attributes:
        is_error: It is raised rather than returned.
        wire_only: It has no Python class of its own: it holds a YAML method's parameters or result, or is one
            of the types that are something better in Python, such as arrays.
    """

    name: str
    full_name: str
    location: Location
    fields: tuple[Field, ...]
    one_ofs: tuple[OneOf, ...] = ()
    messages: tuple[Message, ...] = ()
    enums: tuple[Enum, ...] = ()
    reserved: Reserved = NONE_RESERVED
    is_error: bool = False
    wire_only: bool = False
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """A name that a method mentions, and where."""

    name: str
    location: Location


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method of a role.

    Attributes:
        name: The schema's name for it.
        rpc: Its name on the wire.
        request: The full name of the request message.
        response: The full name of the response message.
        unpack: The request's fields are the method's parameters.
        client_stream: The request is a stream; where it unpacks, of the one parameter that is a stream.
        server_stream: The response is a stream.
        timeout: The default deadline in seconds.
        callers: The roles that may call it; empty for all.
        errors: The full names of the errors it raises.
    """

    name: str
    rpc: str
    location: Location
    request: str
    response: str
    unpack: bool
    client_stream: bool = False
    server_stream: bool = False
    timeout: float | None = None
    idempotent: bool = False
    callers: tuple[Mention, ...] = ()
    errors: tuple[Mention, ...] = ()
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A node role and the service that it serves."""

    name: str
    service: str
    location: Location
    methods: tuple[Method, ...]
    doc: str = ""
    deprecated: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One schema file.

    Attributes:
        path: Its path relative to the schema root.
        proto_name: The name of its proto form in the descriptor pool and in imports.
        package: The proto package.
        python: The Python package, dotted.
        imports: The proto names of the files it imports.
        is_yaml: Whether it was written in YAML, so that its proto form is made from the model.
    """

    path: str
    proto_name: str
    package: str
    python: str
    is_yaml: bool
    imports: tuple[str, ...]
    messages: tuple[Message, ...]
    enums: tuple[Enum, ...]
    roles: tuple[Role, ...]
    doc: str = ""
    deprecated: bool = False


def walk_messages(messages: tuple[Message, ...]) -> Iterator[Message]:
    """Yield the messages and all that are nested in them, outer ones first."""
    for message in messages:
        yield message
        yield from walk_messages(message.messages)


def walk_enums(file: File) -> Iterator[Enum]:
    """Yield the enums of a file, nested ones included."""
    yield from file.enums
    for message in walk_messages(file.messages):
        yield from message.enums


def walk_methods(file: File) -> Iterator[Method]:
    """Yield the methods of all roles of a file."""
    for role in file.roles:
        yield from role.methods

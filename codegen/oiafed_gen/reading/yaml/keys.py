"""The keys of each construct in YAML, with what stands behind each: for the readers, and for editors."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import TypeAlias


class Form(enum.Enum):
    """What the value of a key looks like."""

    DOTTED = enum.auto()
    TEXT = enum.auto()
    TRUTH = enum.auto()
    SECONDS = enum.auto()
    NAMES = enum.auto()
    RESERVED = enum.auto()
    ENUMS = enum.auto()
    TYPES = enum.auto()
    ROLES = enum.auto()
    METHODS = enum.auto()
    FIELDS = enum.auto()
    MEMBERS = enum.auto()
    TYPE = enum.auto()
    RESULT = enum.auto()
    DEFAULT = enum.auto()
    FIELD_NUMBER = enum.auto()
    VALUES = enum.auto()
    VALUE_NUMBER = enum.auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A key: the form of its value, what it is for, and whether it must be there."""

    form: Form
    doc: str
    required: bool = False


Keys: TypeAlias = Mapping[str, Key]

_DEPRECATED = Key(Form.TRUTH, "Whether it may go away; uses of it are warned of.")
_RESERVED = Key(Form.RESERVED, "Numbers, ranges such as 5-7, and names that were in use once and must not be again.")
_TYPES = Key(Form.TYPES, "The messages, by name.")
_ENUMS = Key(Form.ENUMS, "The enums, by name.")

FILE: Keys = {
    "package": Key(Form.DOTTED, "The proto package, such as federation.v1.", required=True),
    "python": Key(Form.DOTTED, "The Python package, where it is not named like the proto package."),
    "doc": Key(Form.TEXT, "What the file is about."),
    "deprecated": _DEPRECATED,
    "imports": Key(Form.NAMES, "The schema files whose types are used here, by their paths from this file."),
    "enums": _ENUMS,
    "types": _TYPES,
    "errors": Key(Form.TYPES, "The errors that methods raise, by name."),
    "roles": Key(Form.ROLES, "The roles of nodes, by name."),
}
ROLE: Keys = {
    "doc": Key(Form.TEXT, "What nodes of the role do."),
    "methods": Key(Form.METHODS, "What can be called, by name."),
    "deprecated": _DEPRECATED,
}
METHOD: Keys = {
    "doc": Key(Form.TEXT, "What the method does."),
    "params": Key(Form.FIELDS, "What it takes, by name. One can be a stream."),
    "reserved": _RESERVED,
    "returns": Key(Form.RESULT, "The type of what it gives; nothing if it is left out. It can be a stream."),
    "timeout": Key(Form.SECONDS, "The default deadline in seconds."),
    "idempotent": Key(Form.TRUTH, "Whether it may run twice with the same effect, so that it may be tried again."),
    "callers": Key(Form.NAMES, "The roles that may call it; all if it is left out."),
    "errors": Key(Form.NAMES, "The errors that it raises."),
    "deprecated": _DEPRECATED,
}
RECORD: Keys = {
    "doc": Key(Form.TEXT, "What it stands for."),
    "fields": Key(Form.MEMBERS, "Its fields, by name."),
    "reserved": _RESERVED,
    "types": _TYPES,
    "enums": _ENUMS,
    "deprecated": _DEPRECATED,
}
FIELD: Keys = {
    "type": Key(Form.TYPE, "Its type.", required=True),
    "doc": Key(Form.TEXT, "What it means."),
    "default": Key(Form.DEFAULT, "Its value where none is given."),
    "id": Key(Form.FIELD_NUMBER, "Its number on the wire: given to every field here, or to none."),
    "deprecated": _DEPRECATED,
}
ONE_OF: Keys = {
    "doc": Key(Form.TEXT, "What it means."),
    "one_of": Key(Form.FIELDS, "The fields of which one at most is set, by name.", required=True),
}
ENUM: Keys = {
    "doc": Key(Form.TEXT, "What it stands for."),
    "values": Key(Form.VALUES, "Its values: a list of names, or numbers by name.", required=True),
    "deprecated": _DEPRECATED,
    "allow_alias": Key(Form.TRUTH, "Whether several values may have the same number."),
    "reserved": _RESERVED,
}
VALUE: Keys = {
    "number": Key(Form.VALUE_NUMBER, "Its number on the wire."),
    "doc": Key(Form.TEXT, "What it means."),
    "deprecated": _DEPRECATED,
}

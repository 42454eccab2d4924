"""Which types of fields read one another's bytes, or one another's JSON."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor

_NAMES = {
    FieldDescriptor.TYPE_DOUBLE: "double",
    FieldDescriptor.TYPE_FLOAT: "float",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_FIXED64: "fixed64",
    FieldDescriptor.TYPE_FIXED32: "fixed32",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_SFIXED32: "sfixed32",
    FieldDescriptor.TYPE_SFIXED64: "sfixed64",
    FieldDescriptor.TYPE_SINT32: "sint32",
    FieldDescriptor.TYPE_SINT64: "sint64",
}

_ENCODINGS = (
    {"int32", "int64", "uint32", "uint64", "bool", "enum"},
    {"sint32", "sint64"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
)
"""Types that lay out their bytes alike; every other is alone. Of a number too large for the reader, bits are lost."""

_JSON = ({"int32", "uint32"}, {"int64", "uint64"}, {"fixed32", "sfixed32"}, {"fixed64", "sfixed64"})
"""Types that are alike in JSON as well as in bytes: 64 bits are a string there, and a bool is a word."""

_OPAQUE = ("google.protobuf.", "oiafed.v1.")


def kind(field: FieldDescriptor) -> str:
    """Return what a field holds: the keyword of a scalar, `enum` or `message`."""
    if field.message_type is not None:
        return "message"
    return "enum" if field.enum_type is not None else _NAMES[field.type]


def spelled(field: FieldDescriptor) -> str:
    """Return the type of a field, or of one item of it, as a schema has it."""
    named = field.message_type or field.enum_type
    return named.full_name if named is not None else _NAMES[field.type]


def same_bytes(old: str, new: str) -> bool:
    """Whether a field of kind `new` reads what one of kind `old` wrote, enums as integers."""
    return old == new or (old, new) == ("string", "bytes") or any({old, new} <= group for group in _ENCODINGS)


def same_json(old: str, new: str) -> bool:
    """Whether a field of kind `new` reads the JSON, and the bytes, of one of kind `old`."""
    return old == new or any({old, new} <= group for group in _JSON)


def entry_of(field: FieldDescriptor) -> Descriptor | None:
    """Return what protobuf makes of the entries of a map field; None for other fields."""
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def is_opaque(message: Descriptor) -> bool:
    """Whether a message means more than its fields, so that none of another name can stand for it."""
    return message.full_name.startswith(_OPAQUE)

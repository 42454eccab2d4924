"""Which types of fields read one another's bytes, or one another's JSON."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

from oiafed_rpc.descriptors import KEYWORDS

_ENCODINGS = (
    {"int32", "int64", "uint32", "uint64", "bool", "enum"},
    {"sint32", "sint64"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
)
"""Types that lay out their bytes alike; every other is alone. Of a number too large for the reader, bits are lost."""

_JSON = ({"int32", "uint32"}, {"int64", "uint64"}, {"fixed32", "sfixed32"}, {"fixed64", "sfixed64"})
"""Types that are alike in JSON as well as in bytes: 64 bits are a string there, and a bool is a word."""


def spelled(field: FieldDescriptor) -> str:
    """Return the type of a field, or of one item of it, as a schema has it."""
    named = field.message_type or field.enum_type
    return named.full_name if named is not None else KEYWORDS[field.type]


def same_bytes(old: str, new: str) -> bool:
    """Whether a field of kind `new` reads what one of kind `old` wrote, enums as integers."""
    return old == new or (old, new) == ("string", "bytes") or any({old, new} <= group for group in _ENCODINGS)


def same_json(old: str, new: str) -> bool:
    """Whether a field of kind `new` reads the JSON, and the bytes, of one of kind `old`."""
    return old == new or any({old, new} <= group for group in _JSON)

"""What protobuf's descriptors say of fields and messages, in the words of a schema."""

from __future__ import annotations

from google.protobuf.descriptor import Descriptor, FieldDescriptor

KEYWORDS = {
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
"""The keyword of each scalar type, by its number in descriptors."""

_OPAQUE = ("google.protobuf.", "oiafed.v1.")


def kind(field: FieldDescriptor) -> str:
    """What a field holds: the keyword of a scalar, `enum` or `message`."""
    if field.message_type is not None:
        return "message"
    return "enum" if field.enum_type is not None else KEYWORDS[field.type]


def map_entry(field: FieldDescriptor) -> Descriptor | None:
    """The message of a map's entries; None where the field is no map."""
    message = field.message_type
    return message if message is not None and message.GetOptions().map_entry else None


def is_opaque(message: Descriptor) -> bool:
    """Whether a message means more than its fields, so that another of the same fields is not the same."""
    return message.full_name.startswith(_OPAQUE)


def reached(root: Descriptor) -> dict[str, Descriptor]:
    """A message and all that it leads to by full name, level by level, and field by field by their numbers."""
    found = {root.full_name: root}
    ahead = [root]
    for message in ahead:  # grows on the way
        for field in sorted(message.fields, key=lambda each: each.number):
            below = field.message_type
            if below is not None and below.full_name not in found:
                found[below.full_name] = below
                ahead.append(below)
    return found

"""What the scalar types of a schema take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

_INTEGER = (int, np.integer)
_REAL = (float, int, np.floating, np.integer)


class Accepts(NamedTuple):
    """What a field takes.

    Attributes:
        expected: In the schema's words.
        types: What a value must be an instance of, at first sight.
    """

    expected: str
    types: tuple[type[Any], ...]


SCALARS = {
    FieldDescriptor.TYPE_INT32: Accepts("int32", _INTEGER),
    FieldDescriptor.TYPE_SINT32: Accepts("sint32", _INTEGER),
    FieldDescriptor.TYPE_SFIXED32: Accepts("sfixed32", _INTEGER),
    FieldDescriptor.TYPE_UINT32: Accepts("uint32", _INTEGER),
    FieldDescriptor.TYPE_FIXED32: Accepts("fixed32", _INTEGER),
    FieldDescriptor.TYPE_INT64: Accepts("int64", _INTEGER),
    FieldDescriptor.TYPE_SINT64: Accepts("sint64", _INTEGER),
    FieldDescriptor.TYPE_SFIXED64: Accepts("sfixed64", _INTEGER),
    FieldDescriptor.TYPE_UINT64: Accepts("uint64", _INTEGER),
    FieldDescriptor.TYPE_FIXED64: Accepts("fixed64", _INTEGER),
    FieldDescriptor.TYPE_DOUBLE: Accepts("double", _REAL),
    FieldDescriptor.TYPE_FLOAT: Accepts("float", _REAL),
    FieldDescriptor.TYPE_BOOL: Accepts("bool", (bool, np.bool_)),
    FieldDescriptor.TYPE_STRING: Accepts("string", (str,)),
    FieldDescriptor.TYPE_BYTES: Accepts("bytes", (bytes,)),
    FieldDescriptor.TYPE_ENUM: Accepts("enum", (int,)),
}
"""By the type of the field."""

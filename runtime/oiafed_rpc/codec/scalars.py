"""What the scalar types of a schema take."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor import FieldDescriptor

from oiafed_rpc.descriptors import KEYWORDS

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


_TYPES: dict[str, tuple[type[Any], ...]] = {
    "double": _REAL,
    "float": _REAL,
    "bool": (bool, np.bool_),
    "string": (str,),
    "bytes": (bytes,),
}
SCALARS = {
    **{number: Accepts(keyword, _TYPES.get(keyword, _INTEGER)) for number, keyword in KEYWORDS.items()},
    FieldDescriptor.TYPE_ENUM: Accepts("enum", (int,)),
}
"""By the type of the field."""

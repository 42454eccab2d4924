"""Enums of .proto files, whose values share a scope with all else in their package. YAML makes prefixes by itself."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding
from oiafed_gen.model import Enum, walk_enums
from oiafed_gen.spelling import snake

_NOTHING = ("UNSPECIFIED", "UNKNOWN", "UNSET", "NONE", "DEFAULT")


def unprefixed(resolved: Resolved) -> Iterator[Finding]:
    """Yield values without the name of their enum: another enum of the package could not have a value of that name."""
    for enum in _proto_enums(resolved):
        prefix = f"{snake(enum.name).upper()}_"
        for value in enum.values:
            if not value.name.upper().startswith(prefix):
                better = f"{prefix}{value.name.upper()}"
                yield Finding(value.location, f"'{value.name}' should start with the name of its enum: '{better}'")


def without_zero(resolved: Resolved) -> Iterator[Finding]:
    """Yield zero values that mean something: clients that leave a field out say that without knowing."""
    for enum in _proto_enums(resolved):
        zero = enum.values[0]
        if not zero.name.upper().endswith(_NOTHING):
            better = f"{snake(enum.name).upper()}_UNSPECIFIED"
            message = f"'{zero.name}' is what a field that is left out means; begin with '{better}'"
            yield Finding(zero.location, message)


def _proto_enums(resolved: Resolved) -> Iterator[Enum]:
    return (enum for file in resolved.schema.files if not file.is_yaml for enum in walk_enums(file))

"""The .proto files that every schema can import, and those of their messages that mean more than their fields."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

NATIVE = {
    "tensor": "oiafed.v1.Tensor",
    "tensors": "oiafed.v1.Tensors",
    "any": "oiafed.v1.PyObject",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
"""The types that are messages on the wire and something better in Python, by their name in YAML."""

EMPTY = "google.protobuf.Empty"
"""What a method takes or returns that has no parameters or no result."""

WRAPPERS = {
    "google.protobuf.DoubleValue": "double",
    "google.protobuf.FloatValue": "float",
    "google.protobuf.Int64Value": "int64",
    "google.protobuf.UInt64Value": "uint64",
    "google.protobuf.Int32Value": "int32",
    "google.protobuf.UInt32Value": "uint32",
    "google.protobuf.BoolValue": "bool",
    "google.protobuf.StringValue": "string",
    "google.protobuf.BytesValue": "bytes",
}
"""Protobuf's messages that hold a single scalar, which may be absent thereby."""

NULL = "google.protobuf.NullValue"
"""The enum whose one value is JSON's null."""

ENUMS = frozenset((NULL, "google.protobuf.Syntax", "google.protobuf.Field.Kind", "google.protobuf.Field.Cardinality"))
"""The enums among protobuf's well-known types."""

_FILES = {
    "any": ("Any",),
    "api": ("Api", "Method", "Mixin"),
    "duration": ("Duration",),
    "empty": ("Empty",),
    "field_mask": ("FieldMask",),
    "source_context": ("SourceContext",),
    "struct": ("Struct", "Value", "ListValue", "NullValue"),
    "timestamp": ("Timestamp",),
    "type": ("Type", "Field", "Field.Kind", "Field.Cardinality", "Enum", "EnumValue", "Option", "Syntax"),
    "wrappers": tuple(name.rpartition(".")[2] for name in WRAPPERS),
}
WELL_KNOWN = {
    f"google.protobuf.{name}": f"google/protobuf/{stem}.proto" for stem, names in _FILES.items() for name in names
}
"""Protobuf's well-known types by full name, with the file that declares each."""

PACKAGES = ("google.protobuf", "oiafed.v1")
"""The packages of the provided files."""

_PROVIDERS = {**dict.fromkeys(NATIVE.values(), "oiafed/v1/tensor.proto"), **WELL_KNOWN}


def is_native(full_name: str) -> bool:
    """Whether a provided type is something in Python that is not generated: a native value, or protobuf's own class."""
    return full_name in _PROVIDERS


def refusal(full_name: str) -> str:
    """Return why a type cannot be used that a provided file declares and that is not native."""
    if full_name.startswith("google.protobuf."):
        return f"'{full_name}' is not one of protobuf's well-known types, so schemas cannot use it"
    return f"'{full_name}' is for the toolkit's own use, so schemas cannot use it"


def provider(full_name: str) -> str:
    """Return the provided file that declares a native type."""
    return _PROVIDERS[full_name]


@dataclasses.dataclass(frozen=True, slots=True)
class Provided:
    """Files that schemas can import without having them.

    Attributes:
        texts: The text of each by its name in imports.
    """

    texts: Mapping[str, str]

    def module(self, proto_name: str) -> tuple[str, str]:
        """Return the Python package and the module that hold the messages of a provided file."""
        stem = PurePosixPath(proto_name).stem
        package = "oiafed_rpc.system.wire" if proto_name.startswith("oiafed/") else "google.protobuf"
        return package, f"{stem}_pb2"


def provided_files() -> Provided:
    """Return oiafed's own .proto files, as the runtime ships them, and protobuf's well-known ones."""
    return Provided({**_folder("oiafed_rpc", "system/wire", "oiafed/v1"), **well_known_files()})


def well_known_files() -> dict[str, str]:
    """Return protobuf's well-known .proto files by their names in imports."""
    return _folder("grpc_tools", "_proto/google/protobuf", "google/protobuf")


def _folder(package: str, folder: str, prefix: str) -> dict[str, str]:
    """Read the .proto files of an installed package without importing it."""
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations or ()) if spec else ()
    paths = sorted(path for place in places for path in Path(place, folder).glob("*.proto"))
    return {f"{prefix}/{path.name}": path.read_text(encoding="utf-8") for path in paths}

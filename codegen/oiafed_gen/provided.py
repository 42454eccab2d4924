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


def is_native(full_name: str) -> bool:
    """Whether a message is something better than a record in Python."""
    return full_name in NATIVE.values()


def provider(full_name: str) -> str:
    """Return the provided file that declares a native message, or the empty one."""
    package, _, name = full_name.rpartition(".")
    stem = name.lower() if package == "google.protobuf" else "tensor"
    return f"{package.replace('.', '/')}/{stem}.proto"


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

"""The values of oiafed's own options, read from descriptors without the modules that declare them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

_OPTIONS = "oiafed/v1/options.proto"
_NEEDED = ("google/protobuf/descriptor.proto", _OPTIONS)


class SchemaOptions:
    """Reads `(oiafed.v1.…)` options."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        pool = descriptor_pool.DescriptorPool()
        needed = [file for file in files if file.name in _NEEDED]
        for file in needed:
            pool.AddSerializedFile(file.SerializeToString())
        self._classes: dict[str, type[Message]] = {}
        if any(file.name == _OPTIONS for file in needed):
            self._classes = message_factory.GetMessageClassesForFiles([_NEEDED[0]], pool)

    def read(self, options: Message, name: str) -> Any:
        """Return the option `name` as plain Python data, or None where it is not set."""
        known = self._classes.get(options.DESCRIPTOR.full_name)
        if known is None or not options.ByteSize():
            return None
        plain = json_format.MessageToDict(
            known.FromString(options.SerializeToString()), preserving_proto_field_name=True
        )
        return plain.get(f"[oiafed.v1.{name}]")

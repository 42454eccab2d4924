"""From protoc's descriptors to the model, where they are all there is: a plugin of protoc is not given the texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems
from oiafed_gen.provided import Provided
from oiafed_gen.reading.files import check_package, check_path, is_proto3
from oiafed_gen.reading.proto.places import Places
from oiafed_gen.reading.proto.reader import ProtoReader
from oiafed_gen.reading.schema import Schema, with_errors


def read_descriptors(
    files: Sequence[FileDescriptorProto], names: Collection[str], provided: Provided, problems: Problems
) -> Schema:
    """Read a schema of which there are descriptors alone; where there are problems afterwards, it is not complete.

    Args:
        files: The descriptors, imported ones before those that import them.
        names: The files that are the schema; the others are what they import.
        provided: What the schema can import without having it.
        problems: Takes the mistakes found.
    """
    schema = [file for file in files if file.name in names and file.name not in provided.texts]
    for file in schema:
        _check(file, names, provided, problems)
    reader = ProtoReader(files, provided.texts.keys(), problems)
    models = tuple(reader.read(file.name, "", file) for file in sorted(schema, key=lambda file: file.name))
    return Schema(with_errors(models), files, proto_texts={})


def _check(file: FileDescriptorProto, names: Collection[str], provided: Provided, problems: Problems) -> None:
    check_path(file.name, problems)
    check_package(file.name, file.package, {"oiafed.v1", "google.protobuf"}, problems)
    places = Places(file.name, "", file)
    is_proto3(file.syntax, places.at((FileDescriptorProto.SYNTAX_FIELD_NUMBER,)), problems)
    for index, imported in enumerate(file.dependency):
        if imported not in names and imported not in provided.texts:
            place = places.at((FileDescriptorProto.DEPENDENCY_FIELD_NUMBER, index))
            message = f"'{imported}' is not among the files to generate; give both to the same run of protoc"
            problems.add(place, Code.UNKNOWN_IMPORT, f"{message}, with buf by 'strategy: all'")

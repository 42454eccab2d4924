"""`protoc-gen-oiafed`: the generator as a plugin of protoc and buf, for schemas that are .proto files alone.

    protoc-gen-oiafed --export include
    protoc -I schema -I include --oiafed_out=generated $(find schema -name '*.proto')

protoc gives descriptors, not texts: everything is written but the .proto files themselves. Protocol:
https://protobuf.dev/reference/cpp/api-docs/google.protobuf.compiler.plugin.pb
"""

from __future__ import annotations

import sys
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError

from oiafed_gen.diagnostics import Problems, SchemaError
from oiafed_gen.generate import python_files, resolved
from oiafed_gen.output.folder import OutputError, update
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.descriptors import read_descriptors
from oiafed_gen.tools import ToolError


def main() -> None:
    """Answer the request on the standard input; mistakes of the schema are part of the answer.

    With `--export DIR`, write the .proto files that schemas can import to a folder instead, for `-I`.
    """
    if sys.argv[1:2] == ["--export"] and len(sys.argv) == 3:
        export(Path(sys.argv[2]))
        return
    try:
        request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    except DecodeError:
        sys.exit("protoc-gen-oiafed: this is a plugin that protoc and buf start; run oiafed-gen instead")
    sys.stdout.buffer.write(respond(request).SerializeToString())


def export(folder: Path) -> None:
    """Write `oiafed/v1/*.proto` below a folder."""
    texts = {name: text for name, text in provided_files().texts.items() if name.startswith("oiafed/")}
    try:
        update(folder, texts, within="oiafed")
    except OutputError as error:
        sys.exit(f"protoc-gen-oiafed: {error}")


def respond(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Return what is generated for a request, or what is wrong with it."""
    response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
    try:
        texts = _generate(request)
    except SchemaError as error:
        response.error = "\n".join(diagnostic.text() for diagnostic in error.diagnostics)
    except (ToolError, OSError) as error:
        response.error = str(error)
    else:
        for name, text in texts.items():
            response.file.add(name=name, content=text)
    return response


def _generate(request: CodeGeneratorRequest) -> dict[str, str]:
    if request.parameter:
        raise ToolError(f"there is no option '{request.parameter}'; protoc-gen-oiafed has none")
    _check(request)
    problems = Problems()
    provided = provided_files()
    schema = read_descriptors(request.proto_file, request.file_to_generate, provided, problems)
    texts = python_files(resolved(schema, provided, problems))
    return {name: text for name, text in texts.items() if not name.endswith(".proto")}  # of what it imports


def _check(request: CodeGeneratorRequest) -> None:
    """See that a request is one that protoc could have made.

    Raises:
        ToolError: It is not.
    """
    pool = DescriptorPool()
    try:
        for file in request.proto_file:
            pool.AddSerializedFile(file.SerializeToString())
    except TypeError as error:
        raise ToolError(f"the request has descriptors that protoc would not make: {error}") from error
    missing = sorted({*request.file_to_generate} - {file.name for file in request.proto_file})
    if missing:
        raise ToolError(f"the request has no descriptor of '{missing[0]}', which is to be generated")


if __name__ == "__main__":
    main()

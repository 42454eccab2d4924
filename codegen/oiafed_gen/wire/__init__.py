"""The wire form of a schema: its .proto files, and what protoc and mypy-protobuf make of them."""

"""YAML as .proto: feeding the lowered form back in gives the same wire."""

from __future__ import annotations

from pathlib import Path

import pytest
from oiafed_gen.diagnostics import Problems
from oiafed_gen.model import Enum, Message, Method, walk_messages
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.schema import Schema, read
from oiafed_gen.sources import SchemaFile, read_schema

ROOT = Path(__file__).resolve().parents[3]


def _read(path: str, text: str) -> Schema:
    problems = Problems()
    schema = read([SchemaFile(path, text)], provided_files(), problems)
    assert not problems.sorted()
    return schema


def _method(method: Method) -> tuple[object, ...]:
    callers, errors = ([mention.name for mention in group] for group in (method.callers, method.errors))
    wire = (method.rpc, method.request, method.response, method.client_stream, method.server_stream)
    return (*wire, method.unpack, method.timeout, method.idempotent, callers, errors)


def test_the_lowered_federation_means_the_same() -> None:
    first = _read("federation.yaml", (ROOT / "schema/federation.yaml").read_text(encoding="utf-8"))
    (text,) = first.proto_texts.values()
    again = _read("again.proto", text)
    one, two = first.files[0], again.files[0]
    for left, right in zip(walk_messages(one.messages), walk_messages(two.messages), strict=True):
        assert (left.full_name, left.is_error, left.doc) == (right.full_name, right.is_error, right.doc)
        for field, other in zip(left.fields, right.fields, strict=True):
            assert (field.name, field.type, field.label, field.number) == (
                other.name,
                other.type,
                other.label,
                other.number,
            )
            assert (field.default, field.doc, field.key) == (other.default, other.doc, other.key)
    for role, same in zip(one.roles, two.roles, strict=True):
        assert (role.name, role.service) == (same.name, same.service)
        assert [_method(method) for method in role.methods] == [_method(method) for method in same.methods]


def _message(message: Message) -> tuple[object, ...]:
    fields = [
        (f.name, f.type, f.label, f.number, f.key, f.one_of, f.default, f.doc, f.deprecated) for f in message.fields
    ]
    one_ofs = [(one_of.name, one_of.members, one_of.doc) for one_of in message.one_ofs]
    said = (message.full_name, message.is_error, message.reserved, message.deprecated)
    inside = ([_message(inner) for inner in message.messages], [_enum(enum) for enum in message.enums])
    return (*said, fields, one_ofs, *inside)


def _enum(enum: Enum) -> tuple[object, ...]:
    values = [(value.name, value.number, value.doc, value.deprecated) for value in enum.values]
    return (enum.full_name, enum.allow_alias, enum.reserved, enum.doc, enum.deprecated, values)


@pytest.mark.parametrize("case", ["containers", "enums", "nested_yaml", "oneofs", "reserved", "scalars", "well_known"])
def test_what_is_lowered_means_the_same(case: str) -> None:
    problems = Problems()
    files = read_schema(ROOT / "tests/golden" / case / "schema", problems)
    schema = read(files, provided_files(), problems)
    lowered = {file.path: file.proto_name for file in schema.files if file.is_yaml}
    assert lowered
    again = [SchemaFile(lowered.get(f.path, f.path), schema.proto_texts[lowered.get(f.path, f.path)]) for f in files]
    same = {file.path: file for file in read(again, provided_files(), problems).files}
    assert not problems.sorted()
    for file in schema.files:
        other = same[file.proto_name]
        assert [*map(_message, file.messages)] == [*map(_message, other.messages)]
        assert [*map(_enum, file.enums)] == [*map(_enum, other.enums)]
        assert other.doc.endswith(file.doc)  # below the line that says where it is from
        assert other.deprecated == file.deprecated


def test_a_lowered_stream_of_parameters_is_a_stream_of_messages() -> None:
    schema = """
package: a.v1
roles:
  r: {methods: {sum: {params: {start: int64, numbers: stream int64}, returns: stream int64, idempotent: true}}}
"""
    (text,) = _read("a.yaml", schema).proto_texts.values()
    assert "the first has `start`, and each that follows one item of `numbers`" in text
    (method,) = _read("again.proto", text).files[0].roles[0].methods
    assert (method.client_stream, method.server_stream, method.idempotent) == (True, True, True)
    assert not method.unpack

"""YAML as .proto: feeding the lowered form back in gives the same wire."""

from __future__ import annotations

from pathlib import Path

from oiafed_gen.diagnostics import Problems
from oiafed_gen.model import Method, walk_messages
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.schema import Schema, read
from oiafed_gen.sources import SchemaFile

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

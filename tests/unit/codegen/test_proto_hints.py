"""What was meant by a name in a .proto file that nothing has, and what makes it known."""

from __future__ import annotations

import pytest
from oiafed_gen.diagnostics import SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.sources import SchemaFile

PROVIDED = provided_files()
TENSOR = 'import "oiafed/v1/tensor.proto";'
OPTIONS = 'import "oiafed/v1/options.proto";'


def _told(*lines: str) -> list[str]:
    text = "\n".join(('syntax = "proto3";', "package a.v1;", *lines))
    other = 'syntax = "proto3"; package b.v1; message Update {}'
    with pytest.raises(SchemaError) as error:
        generate([SchemaFile("a.proto", text), SchemaFile("b.proto", other)], PROVIDED)
    return [each.message for each in error.value.diagnostics]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("in64", "; did you mean 'int64'?"),
        ("int", "; did you mean 'int64'?"),
        ("str", "; did you mean 'string'?"),
        ("Itm", "; did you mean 'Item'?"),
        ("Updat", "; did you mean 'b.v1.Update'?"),
        ("tensors", "; did you mean 'oiafed.v1.Tensors'?"),
        ("ndarray", "; did you mean 'oiafed.v1.Tensor'?"),
        ("Timestamp", "; did you mean 'google.protobuf.Timestamp'? Add `import \"google/protobuf/timestamp.proto\";`"),
        ("google.protobuf.Any", '; add `import "google/protobuf/any.proto";`'),
        ("Nowhere", ""),
    ],
)
def test_types(name: str, hint: str) -> None:
    told = _told(TENSOR, 'import "b.proto";', "message Item {}", f"message Order {{ {name} first = 1; }}")
    assert told == [f"unknown type '{name}'{hint}"]


def test_arrays_that_are_not_imported() -> None:
    told = _told("message Order { oiafed.v1.Tensors weights = 1; }")
    assert told == [f"unknown type 'oiafed.v1.Tensors'; add `{TENSOR}`"]


def test_options_that_are_not_imported() -> None:
    told = _told("message Order { option (oiafed.v1.error) = true; }")
    assert told == [f"unknown option 'oiafed.v1.error'; add `{OPTIONS}`"]


def test_options_that_there_are_not() -> None:
    told = _told(OPTIONS, "message Order { option (oiafed.v1.eror) = true; }")
    assert told == ["unknown option 'oiafed.v1.eror'; did you mean 'oiafed.v1.error'?"]

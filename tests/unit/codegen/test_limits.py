"""Schemas that are larger than anybody meant them to be."""

from __future__ import annotations

import pytest
from oiafed_gen.diagnostics import SchemaError, suggestion
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.reading.proto.outline import read_outline
from oiafed_gen.sources import SchemaFile


@pytest.mark.parametrize("package", ["a" * 300 + ".v1", "a." * 1000 + "v1"], ids=["wide", "deep"])
@pytest.mark.parametrize(
    ("file", "text"),
    [("a.yaml", "package: {}\ntypes: {{T: {{}}}}\n"), ("a.proto", 'syntax = "proto3";\npackage {};\n')],
)
def test_a_package_that_no_folder_can_have(file: str, text: str, package: str) -> None:
    with pytest.raises(SchemaError, match=rf"error\[bad-name\]: .* has {len(package)} characters, and names folders"):
        generate([SchemaFile(file, text.format(package))], provided_files())


def test_names_are_made_of_as_many_levels_as_protoc_takes() -> None:
    outline = read_outline("a.proto", 'syntax = "proto3"; package a.v1; ' + "message M { " * 20_000)
    assert len(outline.symbols) == 32


def test_suggestions_among_many_names_are_looked_for_nearby() -> None:
    many = {f"Model{number}Config" for number in range(3000)} | {"FitConfig", "Zebra"}
    assert suggestion("FitConfgi", many) == "; did you mean 'FitConfig'?"
    assert suggestion("Zebar", many) == "; did you mean 'Zebra'?"
    assert suggestion("Qqqqq", many) == ""

"""Every name that means something elsewhere, in every role that a schema has for a name, in both languages."""

from __future__ import annotations

import keyword
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from oiafed_gen.diagnostics import SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.python import names
from oiafed_gen.sources import SchemaFile

from tests.roundtrip.running import exercise, type_errors, write
from tests.unit.codegen.corpus import Corpus, all_names, batches, proto_corpus, yaml_corpus, yaml_modules

ALL = all_names()
KEYWORDS = sorted({*keyword.kwlist, *names.ALIASES})
SOME = [name for name in ALL if name in {*KEYWORDS, *keyword.softkwlist} or not zlib.crc32(name.encode()) % 64]
CHECKED = ALL if os.environ.get("OIAFED_THOROUGH") else SOME  # all of them take minutes
CORPORA = (yaml_corpus, yaml_modules, proto_corpus)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("make", CORPORA)
def test_roundtrips(make: Callable[[list[str]], Corpus], tmp_path: Path) -> None:
    corpus = make(CHECKED)
    write(tmp_path, generate(corpus.files, provided_files()))
    wire = exercise(tmp_path)
    assert {name: wire.get(name) for name in corpus.wire} == corpus.wire


@pytest.mark.timeout(1800 if CHECKED is ALL else 300)
def test_types(tmp_path: Path) -> None:
    """All at once: starting the checkers takes as long as their work."""
    for make in CORPORA:
        write(tmp_path / "out", generate(make(CHECKED).files, provided_files()))
    assert type_errors(tmp_path / "out", tmp_path) == {}


def test_no_package_hides_a_module_of_python_or_the_runtime() -> None:
    tops = {names.package_path(name)[0] for name in ALL}
    assert tops.isdisjoint({*sys.stdlib_module_names, "oiafed_rpc", "oiafed_gen", "google", "grpc", "numpy", "msgspec"})


@pytest.mark.parametrize("where", ["fields", "types", "errors", "values", "methods", "params", "one_ofs"])
def test_a_collision_is_told_at_its_place(where: str) -> None:
    taken = [name for name in batches(KEYWORDS, str.casefold)[0] if not name.startswith("_")]
    doubled = [spelled for name in taken for spelled in (name, f"{name}_")]
    section = {name: _body(where, number) for number, name in enumerate(doubled)}
    text = yaml.safe_dump({"package": "a.v1", **_around(where, section)}, sort_keys=False)
    keys = [line.strip(" '").partition(":")[0].rstrip("'") for line in text.splitlines()]
    second = {number for number, key in enumerate(keys, 1) if key in doubled[1::2]}
    assert second
    with pytest.raises(SchemaError) as caught:
        generate([SchemaFile("a.yaml", text)], provided_files())
    assert {diagnostic.location.line for diagnostic in caught.value.diagnostics} == second


def _body(where: str, number: int) -> object:
    """Return what stands behind a name in a section."""
    match where:
        case "fields" | "params":
            return "string"
        case "one_ofs":
            return {"one_of": {f"a{number}": "string"}}
        case "values":
            return number
        case _:
            return {}


def _around(where: str, section: dict[str, object]) -> dict[str, object]:
    """Return a schema with a section in its place."""
    match where:
        case "fields" | "one_ofs":
            return {"types": {"T": {"fields": section}}}
        case "values":
            return {"enums": {"E": {"values": section}}}
        case "methods":
            return {"roles": {"r": {"methods": section}}}
        case "params":
            return {"roles": {"r": {"methods": {"m": {"params": section}}}}}
        case _:
            return {where: section}

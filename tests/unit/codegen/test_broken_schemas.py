"""Random valid schemas, broken: the generator tells located diagnostics or generates, and raises nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from oiafed_gen.diagnostics import Diagnostic, SchemaError
from oiafed_gen.generate import generate
from oiafed_gen.provided import provided_files
from oiafed_gen.reporting import as_text
from oiafed_gen.sources import SchemaFile

from tests.unit.codegen.schemas import schemas

MANY = 2000 if os.environ.get("OIAFED_THOROUGH") else 25
PROVIDED = provided_files()
_TOKEN = re.compile(r"\s+|\w+|\W")
_HOSTILE = (
    *(
        "\0",
        "\x1b",
        "\x7f",
        "\u2028",
        "\ufeff",
        "\ud7ff",
        "\U0010ffff",
        "\t",
        "\r",
        "'",
        '"',
        "\\",
        "/*",
        "//",
        "#",
        "|",
        ">",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "<",
        ">",
        ",",
        ":",
        ";",
        "&a",
        "*a",
        "!!python/object:os.system",
        "<<",
        "---",
        "%YAML 1.1",
        "? ",
    ),
    *(
        "9" * 400,
        "-1",
        "1e999",
        "0x7fffffffffffffff",
        "18446744073709551616",
        "nan",
        "2147483648",
        "1.5",
        "null",
        "true",
    ),
    *(
        "{" * 3000,
        "[" * 3000,
        "(" * 3000,
        "message M {" * 300,
        "list<" * 300,
        "oneof x {",
        "extend M {",
        "group G = 1 {",
    ),
    *(
        'import "/etc/passwd";',
        'import "../../x.proto";',
        "stream",
        "optional",
        "reserved 1 to max;",
        "a" * 5000,
        "option",
    ),
)


@st.composite
def _broken(draw: st.DrawFn) -> tuple[SchemaFile, ...]:
    """A schema with a few tokens of one of its files removed, doubled, exchanged or put in."""
    files = [file.source() for file in draw(schemas())]
    place = draw(st.integers(0, len(files) - 1))
    tokens = _TOKEN.findall(files[place].text)
    for _ in range(draw(st.integers(1, 4))):
        here, there = draw(st.integers(0, len(tokens) - 1)), draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(("remove", "cut", "double", "exchange", "insert", "replace", "character"))):
            case "remove":
                tokens[here] = ""
            case "cut":
                del tokens[min(here, there) + 1 : max(here, there)]
            case "double":
                tokens[here] *= 2
            case "exchange":
                tokens[here], tokens[there] = tokens[there], tokens[here]
            case "insert":
                tokens.insert(here, draw(st.sampled_from(_HOSTILE)))
            case "replace":
                tokens[here] = draw(st.sampled_from(_HOSTILE))
            case _:
                tokens[here] = draw(st.text(max_size=4))
        tokens = tokens or [""]
    files[place] = SchemaFile(files[place].path, "".join(tokens))
    return tuple(files)


@pytest.mark.timeout(300 + MANY)
@settings(max_examples=MANY, deadline=None, suppress_health_check=list(HealthCheck))  # each starts protoc
@given(_broken())
def test_broken_schemas(files: tuple[SchemaFile, ...]) -> None:
    for file in files:
        note(f"{file.path}:\n{file.text[:20000]}")
    try:
        texts = generate(files, PROVIDED)
    except SchemaError as error:
        _see_told(error.diagnostics, {file.path: file.text.splitlines() for file in files})
    else:
        for path, text in texts.items():
            if Path(path).suffix == ".py":
                compile(text, path, "exec")


def _see_told(diagnostics: tuple[Diagnostic, ...], lines: dict[str, list[str]]) -> None:
    """See that there are diagnostics, each at a place that exists, and that a terminal can show them."""
    assert diagnostics
    for diagnostic in diagnostics:
        place = diagnostic.location
        assert 1 <= place.line <= len(lines[place.file]) + 1
        assert place.column >= 1
        assert diagnostic.text().isprintable()
    told = as_text(diagnostics, "", lines)
    assert all(line.replace("\t", "").isprintable() for line in told.split("\n"))

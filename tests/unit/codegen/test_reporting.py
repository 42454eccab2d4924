"""How diagnostics are written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from oiafed_gen.cli.command import command
from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Location, Severity
from oiafed_gen.reporting import FORMATS, as_github, as_json, as_text

TYPO = "package: a.v1\ntypes: {T: {fields: {a: Nothing}}}\n"
VALID = "package: a.v1\ntypes: {T: {fields: {a: int32}}}\n"


def _excerpt(line: str, column: int) -> list[str]:
    found = Diagnostic(Location("a.yaml", 1, column), Code.PROTOC, "m")
    return as_text([found], "", {"a.yaml": [line]}).splitlines()[1:]


@pytest.mark.parametrize(
    ("line", "column", "excerpt"),
    [
        ("a: Wrong", 4, [" 1 | a: Wrong", "   |    ^^^^^"]),
        ("a: list<Wrong>", 9, [" 1 | a: list<Wrong>", "   |         ^^^^^"]),
        ('a: "b c" d', 4, [' 1 | a: "b c" d', "   |    ^^^^^"]),
        ("a: {b}", 4, [" 1 | a: {b}", "   |    ^"]),
        ("a:", 3, [" 1 | a:", "   |   ^"]),
        ("\ta: b", 5, [" 1 | \ta: b", "   | \t   ^"]),
        ("重量: 不明", 5, [" 1 | 重量: 不明", "   |       ^^^^"]),
        ("e\u0301: wrong", 5, [" 1 | e\u0301: wrong", "   |    ^^^^^"]),
        ("a: \x1b[31m", 1, [" 1 | a: \N{REPLACEMENT CHARACTER}[31m", "   | ^"]),
        ("", 1, []),
        ("a", 9, []),
    ],
)
def test_an_excerpt(line: str, column: int, excerpt: list[str]) -> None:
    assert _excerpt(line, column) == excerpt


def test_a_long_line_is_cut_around_the_place() -> None:
    shown, caret = _excerpt("x" * 500 + " wrong " + "y" * 500, 502)
    assert len(shown) < 130
    start = caret.index("^")
    assert shown[start : start + 5] == "wrong"


def test_a_place_in_no_file_has_no_excerpt() -> None:
    assert as_text([Diagnostic(Location(""), Code.NO_SCHEMA, "m")], "s", {}) == "s:1:1: error[no-schema]: m\n"


@given(st.text(max_size=80), st.integers(1, 90))
def test_excerpts_of_any_line(line: str, column: int) -> None:
    for shown in _excerpt(line.replace("\n", " "), column):
        assert all(c == "\t" or c.isprintable() for c in shown)


def test_json() -> None:
    found = Diagnostic(Location("a.yaml", 2, 3), Code.UNKNOWN_KEY, "no 'é'\n", Severity.WARNING)
    assert json.loads(as_json([found], "schema/", {})) == [
        {
            "file": "schema/a.yaml",
            "line": 2,
            "column": 3,
            "severity": "warning",
            "code": "unknown-key",
            "message": "no 'é'\n",
        }
    ]


def test_github() -> None:
    found = Diagnostic(Location("a,b.yaml", 2, 3), Code.UNKNOWN_KEY, "100%: no,\n::error::x")
    assert as_github([found], "schema", {}) == (
        "::error file=schema/a%2Cb.yaml,line=2,col=3,title=error[unknown-key]::100%25: no,\\n::error::x\n"
    )


def _run(schema: Path, format_: str) -> Result:
    arguments = [str(schema), "-o", str(schema.parent / "out"), "--format", format_]
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_option(format_: str, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.yaml").write_text(TYPO)
    result = _run(tmp_path / "s", format_)
    assert result.exit_code == 1
    told, silent = (result.stderr, result.stdout) if format_ == "text" else (result.stdout, result.stderr)
    assert "unknown-type" in told
    assert "s/a.yaml" in told
    assert silent == ""


def test_programs_are_told_that_nothing_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.yaml").write_text(VALID)
    result = _run(tmp_path / "s", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])

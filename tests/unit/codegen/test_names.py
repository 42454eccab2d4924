"""What names become in Python."""

from __future__ import annotations

import keyword

import pytest
from oiafed_gen.diagnostics import Location, Problems
from oiafed_gen.python.names import FIELD_RESERVED, METHOD_RESERVED, assign, escape, package_path
from oiafed_gen.spelling import json_name, pascal, snake


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("fit", "fit"),
        ("class", "class_"),
        ("__init__", "__init___"),
        ("__x", "__x___"),
        ("_rpc", "_rpc__"),
        ("match", "match"),
    ],
)
def test_fields(name: str, escaped: str) -> None:
    assert escape(name, FIELD_RESERVED) == escaped


@pytest.mark.parametrize("name", [*keyword.kwlist, "call", "with_options", "__class__", "_rpc_call", "_x_", "__"])
def test_escaping_ends_in_something_free(name: str) -> None:
    escaped = escape(name, METHOD_RESERVED)
    assert escaped.isidentifier()
    assert escaped == escape(escaped, METHOD_RESERVED)


def test_a_clash_is_reported_at_the_second() -> None:
    problems = Problems()
    second = Location("a.yaml", 2)
    assign([("class", Location("a.yaml", 1)), ("class_", second)], (), "'T'", problems)
    assert [problem.location for problem in problems.sorted()] == [second]


@pytest.mark.parametrize(
    ("dotted", "path"),
    [
        ("federation.v1", ("federation", "v1")),
        ("collections.types", ("collections_", "types_")),
        ("import.class", ("import_", "class_")),
        ("oiafed_rpc.v1", ("oiafed_rpc_", "v1")),
    ],
)
def test_packages(dotted: str, path: tuple[str, ...]) -> None:
    assert package_path(dotted) == path


def test_spellings() -> None:
    assert [pascal(name) for name in ("fit", "fit_round", "FitRound", "_2")] == ["Fit", "FitRound", "FitRound", "X2"]
    assert [snake(name) for name in ("Fit", "FitRound", "HTTPServer", "GetURL2")] == [
        "fit",
        "fit_round",
        "http_server",
        "get_url2",
    ]
    assert json_name("a_b_c") == "aBC"

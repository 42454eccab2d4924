"""Numbers in YAML that pass over what is reserved, and protoc's columns."""

from __future__ import annotations

from itertools import islice

import pytest
from oiafed_gen.model import Reserved
from oiafed_gen.reading.proto.places import column_of
from oiafed_gen.reading.yaml.reserved import free_numbers


def test_numbers_pass_over_what_is_reserved() -> None:
    reserved = Reserved(((2, 2), (4, 6), (1, 1), (8, 500_000_000)))
    assert list(islice(free_numbers(1, reserved), 4)) == [3, 7, 500_000_001, 500_000_002]


def test_a_reserved_number_is_known() -> None:
    reserved = Reserved(((2, 2), (4, 6)))
    assert [number for number in range(8) if reserved.has_number(number)] == [2, 4, 5, 6]


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        ("message A {", 8, 8),
        ("\tint32 a = 1;", 8, 1),
        ("a\tb", 8, 2),
        ("\t\tx", 16, 2),
        ("/* ü */ int32", 9, 8),
        ("/* 漢字 */ \tx", 16, 10),
        ("short", 99, 5),
    ],
)
def test_columns_of_protoc_are_bytes_and_tab_stops(line: str, column: int, expected: int) -> None:
    assert column_of(line, column) == expected

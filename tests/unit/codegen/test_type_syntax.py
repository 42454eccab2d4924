"""The grammar of types."""

from __future__ import annotations

import pytest
from oiafed_gen.model import Label
from oiafed_gen.reading.type_syntax import TypeSyntaxError, parse_type


@pytest.mark.parametrize(
    ("text", "name", "label", "key", "stream"),
    [
        ("int32", "int32", Label.SINGULAR, None, False),
        ("  shop.v1.Item ", "shop.v1.Item", Label.SINGULAR, None, False),
        ("optional int64", "int64", Label.OPTIONAL, None, False),
        ("list< T >", "T", Label.LIST, None, False),
        ("map<string,T>", "T", Label.MAP, "string", False),
        ("stream T", "T", Label.SINGULAR, None, True),
        ("stream list<T>", "T", Label.LIST, None, True),
    ],
)
def test_types(text: str, name: str, label: Label, key: str | None, stream: bool) -> None:
    parsed = parse_type(text)
    assert (parsed.name, parsed.label, parsed.key, parsed.stream) == (name, label, key, stream)
    assert text[parsed.offset :].startswith(name)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("list", 4),
        ("list<", 5),
        ("map<double, T>", 4),
        ("map<string T>", 11),
        ("int32 x", 6),
        ("list<list<T>>", 5),
        ("lst<int32>", 0),
    ],
)
def test_mistakes_are_placed(text: str, offset: int) -> None:
    with pytest.raises(TypeSyntaxError) as caught:
        parse_type(text)
    assert caught.value.offset == offset

"""`reserved:` in YAML: numbers and names that were given once and must not be given again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location
from oiafed_gen.model import Reserved
from oiafed_gen.reading.yaml.tree import Node, Scalar
from oiafed_gen.reading.yaml.values import Values

_SPAN = re.compile(r"(?P<first>-?[0-9]{1,12})(?:\s*-\s*(?P<last>-?[0-9]{1,12}|max))?", re.ASCII)


def read_reserved(
    node: Node | None, limits: tuple[int, int], values: Values, proto_name: Callable[[str], str] = str
) -> Reserved:
    """Return what `reserved: [3, 5-7, old_name]` reserves.

    Args:
        node: The list.
        limits: The least and the greatest number that there is.
        values: Takes the mistakes found.
        proto_name: What a name is in proto.
    """
    numbers: list[tuple[int, int]] = []
    names: list[str] = []
    for item in values.items(node, "'reserved'"):
        match = _SPAN.fullmatch(item.text) if item.plain else None
        if match is None:
            names.extend(_name(item, proto_name, names, values))
        else:
            last = match["last"] or match["first"]
            span = (int(match["first"]), limits[1] if last == "max" else int(last))
            numbers.extend(_span(item.location, span, limits, numbers, values))
    return Reserved(tuple(numbers), tuple(names))


def _name(item: Scalar, proto_name: Callable[[str], str], names: list[str], values: Values) -> Iterator[str]:
    if not values.identifier(item, "something reserved"):
        return
    name = proto_name(item.text)
    if name in names:
        values.wrong(item.location, Code.DUPLICATE_NAME, f"'{item.text}' is reserved twice")
    else:
        yield name


def _span(
    place: Location, span: tuple[int, int], limits: tuple[int, int], former: list[tuple[int, int]], values: Values
) -> Iterator[tuple[int, int]]:
    first, last = span
    if not limits[0] <= first <= last <= limits[1]:
        message = f"a reserved range must go upwards within {limits[0]} to {limits[1]}, not from {first} to {last}"
        values.wrong(place, Code.BAD_NUMBER, message)
    elif any(first <= other[1] and other[0] <= last for other in former):
        values.wrong(place, Code.DUPLICATE_NUMBER, f"{_spelled(span)} is reserved twice")
    else:
        yield span


def _spelled(span: tuple[int, int]) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


def free_numbers(first: int, reserved: Reserved) -> Iterator[int]:
    """Yield the numbers from `first` on that are not reserved."""
    number = first
    while True:
        last = next((end for start, end in reserved.numbers if start <= number <= end), None)
        if last is None:
            yield number
            number += 1
        else:
            number = last + 1

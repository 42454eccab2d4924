"""The numbers and names that a message or enum keeps from being used again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto

from oiafed_rpc.compatibility.rule import Difference, Rule, difference


class Reserved(NamedTuple):
    """What is reserved; the ranges have both ends, and neither touch nor overlap."""

    ranges: tuple[tuple[int, int], ...]
    names: frozenset[str]

    def has(self, number: int) -> bool:
        """Whether a number is reserved."""
        return any(first <= number <= last for first, last in self.ranges)


def reserved_of(item: Descriptor | EnumDescriptor) -> Reserved:
    """Return what a message or an enum reserves."""
    if isinstance(item, EnumDescriptor):
        enum = EnumDescriptorProto()
        item.CopyToProto(enum)
        return Reserved(_joined((r.start, r.end) for r in enum.reserved_range), frozenset(enum.reserved_name))
    message = DescriptorProto()
    item.CopyToProto(message)
    return Reserved(_joined((r.start, r.end - 1) for r in message.reserved_range), frozenset(message.reserved_name))


def reserved_rules(old: Descriptor | EnumDescriptor, new: Descriptor | EnumDescriptor) -> Iterator[Difference]:
    """Yield what was reserved and is not any more."""
    before, now = reserved_of(old), reserved_of(new)
    gone = [*_spelled(missing(before.ranges, now.ranges)), *(f"'{name}'" for name in sorted(before.names - now.names))]
    if gone:
        listed = ", ".join(gone)
        message = f"'{new.name}' does not reserve {listed} any more; what was removed before could be taken for another"
        yield difference(Rule.RESERVED_REMOVED, new.full_name, f"reserved {listed}", "", message)


def missing(old: tuple[tuple[int, int], ...], new: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of numbers that are in `old` and not in `new`."""
    for first, last in old:
        for start, end in new:
            if start > last:
                break
            if first < start:
                yield first, start - 1
            first = max(first, end + 1)
        if first <= last:
            yield first, last


def _joined(ranges: Iterator[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def _spelled(ranges: Iterator[tuple[int, int]]) -> Iterator[str]:
    return (str(first) if first == last else f"{first}-{last}" for first, last in ranges)

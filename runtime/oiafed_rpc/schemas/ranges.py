"""Numbers that do not fit where the reader's schema has a smaller type: protobuf would cut them without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.message_factory import GetMessageClass

from oiafed_rpc.codec.messages import MessageCodec
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.records import parse
from oiafed_rpc.codec.shadowed import has_field
from oiafed_rpc.descriptors import kind, map_entry
from oiafed_rpc.serializer import Serializers

_INT32, _INT64 = (-(1 << 31), (1 << 31) - 1), (-(1 << 63), (1 << 63) - 1)
_UINT32, _UINT64 = (0, (1 << 32) - 1), (0, (1 << 64) - 1)
_RANGES = {
    "bool": (0, 1),
    "enum": _INT32,
    **dict.fromkeys(("int32", "sint32", "sfixed32"), _INT32),
    **dict.fromkeys(("uint32", "fixed32"), _UINT32),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), _INT64),
    **dict.fromkeys(("uint64", "fixed64"), _UINT64),
}
"""The least and the greatest integer that each type has room for."""


class Narrow(NamedTuple):
    """A field that holds numbers in the writer's schema which the reader's has no room for.

    Attributes:
        path: Its full name in the reader's schema.
        kind: Its type there.
        written: Its type in the writer's schema.
        least: The smallest number that fits.
        most: The largest.
    """

    path: str
    kind: str
    written: str
    least: int
    most: int


_Pair: TypeAlias = tuple[str, str]


class _Field(NamedTuple):
    """What to look at in one field, or in the keys or values of a map."""

    narrow: Narrow | None
    below: _Pair | None


class _Looked(NamedTuple):
    field: FieldDescriptor
    keys: _Field
    values: _Field


class Ranges:
    """Finds the numbers in the bytes of a writer that its reader would cut.

    Args:
        writer: The message as it is written.
        reader: The message as it is read.

    Attributes:
        narrow: The fields that can have such numbers; where there are none, nothing need be looked at.
    """

    def __init__(self, writer: Descriptor, reader: Descriptor) -> None:
        self.narrow: list[Narrow] = []
        self._class: type[ProtoMessage] = GetMessageClass(writer)
        self._root: _Pair = writer.full_name, reader.full_name
        self._fields: dict[_Pair, list[_Looked]] = {}
        ahead = [(writer, reader)]
        while ahead:
            ahead += self._look(*ahead.pop())

    def _look(self, writer: Descriptor, reader: Descriptor) -> Iterator[tuple[Descriptor, Descriptor]]:
        """Note what to look at in a message; gives the messages that it leads to."""
        pair = writer.full_name, reader.full_name
        if pair in self._fields:
            return
        looked = self._fields[pair] = []
        for field in writer.fields:
            read = reader.fields_by_number.get(field.number)
            if read is None or field.is_repeated != read.is_repeated:
                continue
            entry, other = map_entry(field), map_entry(read)
            if (entry is None) != (other is None):
                continue  # a map and a list of its entries: the values are below
            parts = [(field, read)]
            if entry is not None and other is not None:
                parts = [(entry.fields_by_name[name], other.fields_by_name[name]) for name in ("key", "value")]
            parts_looked = [_part(*part, f"{reader.full_name}.{read.name}") for part in parts]
            self.narrow += [part.narrow for part in parts_looked if part.narrow is not None]
            keys = parts_looked[0] if len(parts) == 2 else _Field(None, None)
            looked.append(_Looked(field, keys, parts_looked[-1]))
            value, read_value = parts[-1]
            if value.message_type is not None and read_value.message_type is not None:
                yield value.message_type, read_value.message_type

    def check(self, data: bytes) -> None:
        """See whether a reader gets all numbers as they were written.

        Raises:
            FieldError: naming the first that does not fit.
        """
        self._check(parse(self._class, data), self._root)

    def _check(self, message: ProtoMessage, pair: _Pair) -> None:
        for looked in self._fields[pair]:
            for place, key, value in _content(message, looked.field):
                try:
                    self._check_part(looked.keys, key)
                    self._check_part(looked.values, value)
                except FieldError as error:
                    raise error.below(f"{looked.field.name}{place}") from None

    def _check_part(self, part: _Field, value: Any) -> None:
        narrow, below = part
        if narrow is not None and not narrow.least <= value <= narrow.most:
            raise FieldError("", f"{value} does not fit {narrow.kind}, which {narrow.path!r} is where it is read")
        if below is not None:
            self._check(value, below)


def _part(field: FieldDescriptor, read: FieldDescriptor, path: str) -> _Field:
    if field.message_type is not None and read.message_type is not None:
        return _Field(None, (field.message_type.full_name, read.message_type.full_name))
    written, wanted = kind(field), kind(read)
    if written not in _RANGES or wanted not in _RANGES:
        return _Field(None, None)
    (low, high), (least, most) = _RANGES[written], _RANGES[wanted]
    fits = least <= low and high <= most
    return _Field(None if fits else Narrow(path, wanted, written, least, most), None)


def _content(message: Any, field: FieldDescriptor) -> Iterable[tuple[str, Any, Any]]:
    """For each value that is in a field: its place there, its key in a map, and the value."""
    value = getattr(message, field.name)
    if map_entry(field) is not None:
        entries: Mapping[Any, Any] = value
        return [(f"[{key!r}]", key, entries[key]) for key in entries]
    if field.is_repeated:
        return [(f"[{index}]", None, item) for index, item in enumerate(value)]
    if field.has_presence and not has_field(message, field.name):
        return []
    return [("", None, value)]


class Ranged:
    """A codec whose bytes are looked at by `Ranges`, those that it writes and those that it reads.

    Args:
        codec: What writes and reads them.
        ranges: What looks at them.
    """

    def __init__(self, codec: MessageCodec, ranges: Ranges) -> None:
        self._codec = codec
        self._ranges = ranges

    @property
    def descriptor(self) -> Descriptor:
        """The message, as protobuf describes it."""
        return self._codec.descriptor

    def check(self, value: Any) -> None:
        """See whether a value is of the right kind."""
        self._codec.check(value)

    def encode(self, value: Any, serializers: Serializers) -> bytes:
        """The bytes of a value; raises FieldError where the reader would cut a number."""
        data = self._codec.encode(value, serializers)
        self._ranges.check(data)
        return data

    def decode(self, data: bytes, serializers: Serializers) -> Any:
        """The value of bytes from a peer; raises FieldError where a number of them was too large for it."""
        self._ranges.check(data)
        return self._codec.decode(data, serializers)

    def adopt(self, value: Any) -> Any:
        """The value that another serializer gave, which cuts no numbers."""
        return self._codec.adopt(value)

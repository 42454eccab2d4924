"""The shape of a method: all of it that matters to the bytes and names of its messages, and a fingerprint of that."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from oiafed_rpc.codec.messages import Params
from oiafed_rpc.descriptors import is_opaque, map_entry, reached
from oiafed_rpc.method import Method

_SIZE = 8  # bytes


class Shape(NamedTuple):
    """What a method takes and gives.

    Attributes:
        takes_stream: Whether the request is a stream.
        gives_stream: Whether the response is a stream.
        request: The message of the request, or of one item of it.
        response: The message of the response, or of one item of it.
        errors: The messages of the declared errors.
        item: The number of the field of the request that is one item of the stream, where the first message of the
            request has the others; else 0.
    """

    takes_stream: bool
    gives_stream: bool
    request: Descriptor
    response: Descriptor
    errors: tuple[Descriptor, ...]
    item: int


def shape_of(spec: Method[Any]) -> Shape:
    """The shape of a method as this process knows it."""
    errors = tuple(error.__wire__.descriptor for error in spec.errors)
    request, response = spec.request_codec.descriptor, spec.response_codec.descriptor
    return Shape(spec.takes_stream, spec.gives_stream, request, response, errors, _item(spec))


def _item(spec: Method[Any]) -> int:
    if not (spec.takes_stream and spec.has_head and isinstance(spec.request, Params)):
        return 0
    number: int = spec.request.descriptor.fields[spec.request.names.index(spec.request.stream)].number
    return number


@functools.cache  # of constants
def fingerprint_of(spec: Method[Any]) -> int:
    """The fingerprint of a method as this process knows it."""
    return fingerprint(shape_of(spec))


def fingerprint(shape: Shape) -> int:
    """A number of 64 bits that two shapes share only if they are the same.

    Two schemas have the same shape where their bytes and their names of fields mean the same: comments, options, the
    order in a file and the names of messages do not count.
    """
    outline = [f"{shape.takes_stream} {shape.gives_stream} {shape.item}"]
    roots = [("request", shape.request), ("response", shape.response)]
    roots += sorted((error.full_name, error) for error in shape.errors)
    for role, root in roots:
        outline.append(f"= {role}")
        outline += _outline(root)
    return int.from_bytes(_digest("\n".join(outline)))


def schema_name(methods: Mapping[str, int]) -> str:
    """What names a set of methods, given the fingerprint of each path."""
    listed = "\n".join(f"{path} {mark:016x}" for path, mark in sorted(methods.items()))
    return _digest(listed).hex()


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_SIZE).digest()


def _outline(root: Descriptor) -> Iterable[str]:
    """Lines for a message and all that it leads to, each known by its place in the order that they are reached in."""
    messages = reached(root)
    places = {name: place for place, name in enumerate(messages)}
    for name, message in messages.items():
        yield f"message {places[name]} {name if is_opaque(message) else ''}"
        for field in sorted(message.fields, key=lambda each: each.number):
            yield _field(field, places)


def _field(field: FieldDescriptor, places: Mapping[str, int]) -> str:
    below = field.message_type
    words = [str(field.number), field.name, str(field.type), "many" if field.is_repeated else "one"]
    words.append("present" if field.has_presence else "")
    words.append("map" if map_entry(field) is not None else "")
    oneof = field.containing_oneof
    words.append(",".join(str(each) for each in sorted(member.number for member in oneof.fields)) if oneof else "")
    words.append(str(places[below.full_name]) if below is not None else _members(field.enum_type))
    return " ".join(words)


def _members(enum: EnumDescriptor | None) -> str:
    return ",".join(sorted(f"{value.number}={value.name}" for value in enum.values)) if enum is not None else ""

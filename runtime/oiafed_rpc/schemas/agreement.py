"""What two nodes with different schemas can say to each other by one method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor

from oiafed_rpc.codec.messages import MessageCodec
from oiafed_rpc.compatibility import Difference, Level, Rule, differences
from oiafed_rpc.method import Method
from oiafed_rpc.schemas.ranges import Ranged, Ranges
from oiafed_rpc.schemas.shape import Shape, shape_of

_LONGEST = 200  # characters of what a peer may have named


class Conflict(NamedTuple):
    """One thing that would be read wrongly.

    Attributes:
        what: What it is of the schema: a field, a value of an enumeration, a method.
        path: Its full name.
        verb: What leads over to how it is.
        here: How it is in the caller's schema.
        there: How it is in the schema of the node that is called.
    """

    what: str
    path: str
    verb: str
    here: str
    there: str

    def told(self, here: str, there: str) -> str:
        """The conflict in words, between two nodes."""
        what = f"{self.what} {self.path!r} {self.verb}"
        return f"{what} {self.here} in the schema of {here!r} and {self.there} in that of {there!r}"


class Agreement(NamedTuple):
    """What can be said.

    Attributes:
        conflicts: What would be read wrongly, whatever the bodies are made with; where there are any, nothing can be.
        by_number: What would be read wrongly in the bodies of protobuf, which leave zeros out.
        by_name: What would be read wrongly in all others, whose fields have names.
        spec: The method to call; one that looks at the numbers, where the two have room for different ones.
    """

    conflicts: tuple[Conflict, ...]
    by_number: tuple[Conflict, ...]
    by_name: tuple[Conflict, ...]
    spec: Method[Any]


def full(spec: Method[Any]) -> Agreement:
    """The agreement of two nodes that know a method alike."""
    return Agreement((), (), (), spec)


def agree(spec: Method[Any], theirs: Shape) -> Agreement:
    """Compare a method as a caller and the node that it calls know it.

    Args:
        spec: As the caller knows it.
        theirs: As the node that is called does.
    """
    ours = shape_of(spec)
    conflicts = [*_streams(spec.path, ours, theirs)]
    by_number: list[Conflict] = []
    by_name: list[Conflict] = []
    for writer, reader, asked in ((ours.request, theirs.request, True), (theirs.response, ours.response, False)):
        found = differences(writer, reader)
        conflicts += _conflicts(filter(_is_misread, found), asked=asked)
        by_number += _conflicts(_of(Rule.FIELD_ZERO, found), asked=asked)
        by_name += _conflicts(_of(Rule.FIELD_NAME, found), asked=asked)
    for writer, reader in _errors(ours, theirs):  # always in protobuf's bytes, and not by the codecs of the method
        found = differences(writer, reader)
        conflicts += _conflicts([*filter(_is_misread, found), *_of(Rule.FIELD_ZERO, found)], asked=False)
        narrow = Ranges(writer, reader).narrow
        conflicts += [Conflict("field", each.path, "is", each.kind, each.written) for each in narrow]
    requests = Ranges(ours.request, theirs.request)
    responses = Ranges(theirs.response, ours.response)
    if requests.narrow or responses.narrow:
        spec = spec.with_codecs(partial(_ranged, requests), partial(_ranged, responses))
    return Agreement(_once(conflicts), _once(by_number), _once(by_name), spec)


def _once(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    return tuple(dict.fromkeys(conflicts))


def _is_misread(found: Difference) -> bool:
    return found.rule.live and found.level is Level.WIRE


def _of(rule: Rule, found: Iterable[Difference]) -> list[Difference]:
    return [each for each in found if each.rule is rule]


def _ranged(ranges: Ranges, codec: MessageCodec) -> MessageCodec:
    return Ranged(codec, ranges) if ranges.narrow else codec


def _errors(ours: Shape, theirs: Shape) -> Iterator[tuple[Descriptor, Descriptor]]:
    """The errors that both know; one that the caller does not know arrives as a code and a text."""
    known = {error.full_name: error for error in ours.errors}
    for error in theirs.errors:
        if error.full_name in known:
            yield error, known[error.full_name]


_VERBS = {Rule.FIELD_NAME: "is called", Rule.FIELD_ZERO: "has"}


def _conflicts(differences: Iterable[Difference], *, asked: bool) -> Iterator[Conflict]:
    for each in differences:
        here, there = (each.old, each.new) if asked else (each.new, each.old)
        what = "value" if each.rule is Rule.ENUM_VALUE_NUMBER else "field"
        path, here, there = (text[:_LONGEST] for text in (each.path, here, there))
        yield Conflict(what, path, _VERBS.get(each.rule, "is"), here, there)


def _streams(path: str, ours: Shape, theirs: Shape) -> Iterator[Conflict]:
    title = path.removeprefix("/")
    if ours.takes_stream is not theirs.takes_stream:
        yield Conflict("method", title, "takes", _many(stream=ours.takes_stream), _many(stream=theirs.takes_stream))
    elif ours.item != theirs.item:
        yield Conflict("method", title, "takes a stream", _beside(ours), _beside(theirs))
    if ours.gives_stream is not theirs.gives_stream:
        yield Conflict("method", title, "gives", _many(stream=ours.gives_stream), _many(stream=theirs.gives_stream))


def _many(*, stream: bool) -> str:
    return "a stream" if stream else "one message"


def _beside(shape: Shape) -> str:
    """How the parameters of a method travel that takes a stream."""
    field = shape.request.fields_by_number.get(shape.item)
    return f"{field.name!r} beside other parameters" if field is not None else "alone"

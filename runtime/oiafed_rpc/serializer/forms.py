"""Values that JSON and protobuf have no kind of their own for, each made of values that they have.

The names and parts of these forms are part of the wire format; docs/serializers.md specifies them.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.arrays import array_of
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import OpenEnum, Record
from oiafed_rpc.serializer.base import Buffer, SerializerError, did_you_mean, kind_of
from oiafed_rpc.serializer.generated import class_named, name_of
from oiafed_rpc.serializer.messages import message_of_json, message_parts
from oiafed_rpc.serializer.pickling import factories
from oiafed_rpc.serializer.pickling.allowed import Allowed
from oiafed_rpc.serializer.pickling.budget import Budget
from oiafed_rpc.serializer.pickling.factories import exact, exact_dict, exact_list
from oiafed_rpc.serializer.pickling.keys import Keys
from oiafed_rpc.serializer.versions import Unread
from oiafed_rpc.torch_tensors import is_torch_tensor

_OBJECT = 256  # about what a container takes beside its content


class Reading:
    """What one decode of bytes from a peer may cost, and the buffers that came beside them.

    Args:
        data: How many bytes came.
        buffers: The memory of arrays beside them.
    """

    def __init__(self, data: int, buffers: Sequence[Buffer]) -> None:
        self.budget = Budget(data, sum(memoryview(each).nbytes for each in buffers))
        self.keys = Keys(self.budget, Allowed())
        self._buffers: list[Buffer | None] = list(buffers)

    def buffer(self, index: object) -> Buffer:
        """The buffer of an index, which may be asked for once."""
        place = exact(index, int)
        if not 0 <= place < len(self._buffers):
            raise ValueError(f"there is no buffer {place}: {len(self._buffers)} came")
        found = self._buffers[place]
        if found is None:
            raise ValueError(f"the buffer {place} is used twice")
        self._buffers[place] = None
        return found

    def mapping(self, pairs: Iterable[tuple[Any, Any]], made: dict[Any, Any]) -> dict[Any, Any]:
        """Fill a dict; raises SerializerError for keys that are not hashed cheaply, and for one that is there twice."""
        self.budget.small(_OBJECT)
        items = list(pairs)
        self.keys.check(made, [key for key, _ in items])
        made.update(items)
        if len(made) != len(items):
            raise SerializerError("not valid: a key is there twice")
        return made


@dataclass(frozen=True, slots=True)
class Form:
    """How the values of one Python class are written.

    Attributes:
        name: What the wire calls it.
        kind: The class.
        parts: The values that one is made of.
        make: The value of a reading and its parts; raises TypeError or ValueError where they do not fit.
        word: Whether its only part, where it is one, is text that JSON shows without a list around it.
    """

    name: str
    kind: type[Any]
    parts: Callable[[Any], Sequence[Any]]
    make: Callable[..., Any]
    word: bool = False


def _tuple(_: Reading, *items: Any) -> tuple[Any, ...]:
    return items


def _set(kind: type[Any]) -> Callable[..., Any]:
    def make(reading: Reading, *items: Any) -> Any:
        reading.budget.small(_OBJECT)
        reading.keys.check(items, items)
        made = kind(items)
        if len(made) != len(items):
            raise SerializerError("not valid: an item is there twice in a set")
        return made

    return make


def _pairs(mapping: Mapping[Any, Any]) -> list[list[Any]]:
    return [[key, value] for key, value in mapping.items()]


def _mapping(kind: type[dict[Any, Any]]) -> Callable[..., Any]:
    def make(reading: Reading, *pairs: Any) -> Any:
        return reading.mapping([_pair(each) for each in pairs], kind())

    return make


def _pair(pair: Any) -> tuple[Any, Any]:
    key, value = exact_list(pair)
    return key, value


def _factory(call: Callable[..., Any]) -> Callable[..., Any]:
    def make(reading: Reading, *parts: Any) -> Any:
        return call(reading.budget, *parts)

    return make


def _zone_parts(it: Any) -> Sequence[Any]:
    """The offset, and the name if it has one of its own."""
    arguments: tuple[Any, ...] = it.__getinitargs__()
    return arguments


def _clock_parts(it: Any) -> Sequence[Any]:
    """ISO 8601 alone where that tells all; else without a zone, and then the fold and the zone."""
    zone = it.tzinfo
    if not it.fold and (zone is None or (type(zone) is datetime.timezone and len(_zone_parts(zone)) == 1)):
        return (it.isoformat(),)
    return it.replace(tzinfo=None, fold=0).isoformat(), it.fold, zone


def _clock(kind: type[Any]) -> Callable[..., Any]:
    def make(reading: Reading, text: object, fold: object = 0, *zone: object) -> Any:
        reading.budget.small(_OBJECT)
        made = kind.fromisoformat(exact(text, str))
        if not zone:
            return made
        return made.replace(fold=exact(fold, int), tzinfo=factories.zone_of(*zone))

    return make


def _date(reading: Reading, text: object) -> datetime.date:
    reading.budget.small(_OBJECT)
    return datetime.date.fromisoformat(exact(text, str))


def _uuid(reading: Reading, text: object) -> uuid.UUID:
    reading.budget.small(_OBJECT)
    return uuid.UUID(exact(text, str))


def _bytearray(reading: Reading, data: object) -> bytearray:
    raw = exact(data, bytes)
    reading.budget.array(len(raw))
    return bytearray(raw)


def _text(reading: Reading, data: object) -> str:
    raw = exact(data, bytes)
    reading.budget.small(len(raw))
    return raw.decode("utf-8", "surrogatepass")


def _scalar_parts(it: Any) -> Sequence[Any]:
    array = np.asarray(it)  # gives an empty string the memory that one in an array has
    return dtype_name(array.dtype), array.tobytes()


def _scalar(reading: Reading, dtype: object, data: object) -> Any:
    return factories.make_scalar(reading.budget, data, dtype)


def _class_parts(it: type[Any]) -> Sequence[Any]:
    if factories.SCALARS.get(it.__name__) is not it:
        raise SerializerError(f"the class {it.__qualname__} can't be sent")
    return (it.__name__,)


def _record_parts(it: Any) -> Sequence[Any]:
    return name_of(kind_of(it)), it.__wire__.to_plain(it)


def _record(reading: Reading, name: Any, fields: object) -> Any:
    reading.budget.small(_OBJECT)
    cls = _class(reading, exact(name, str), Record)
    return Unread(name) if cls is None else cls.__wire__.restore(exact_dict(fields), reading.budget)


def _member(reading: Reading, name: Any, number: object) -> Any:
    reading.budget.small(_OBJECT)
    cls = _class(reading, exact(name, str), OpenEnum)
    return Unread(name) if cls is None else cls(exact(number, int))


def _class(reading: Reading, name: str, base: type[Any]) -> type[Any] | None:
    """A generated class by its full name; None where this process has none."""
    try:
        return class_named(name, base)
    except SerializerError as error:
        reading.budget.deviations.note(str(error))
        return None


def _message(reading: Reading, name: object, content: object) -> ProtoMessage:
    """A protobuf message from its bytes, or from protobuf's JSON form: never a shared value, so parsed once."""
    if kind_of(content) is not dict:
        return factories.make_message(reading.budget, name, content)
    reading.budget.small(_OBJECT)
    return message_of_json(exact(name, str), exact_dict(content))


DICT = Form("dict", dict, _pairs, _mapping(dict))
TEXT = Form("text", str, lambda it: (it.encode("utf-8", "surrogatepass"),), _text)
RECORD = Form("record", Record, _record_parts, _record)
MEMBER = Form("enum", OpenEnum, lambda it: (name_of(kind_of(it)), it.value), _member)
MESSAGE = Form("message", ProtoMessage, message_parts, _message)
_SCALAR = Form("scalar", np.generic, _scalar_parts, _scalar)
_DTYPE = Form("dtype", np.dtype, lambda it: (dtype_name(it),), _factory(factories.make_dtype), word=True)
_TORCH = Form("torch", object, lambda it: (array_of(it),), _factory(factories.make_torch))

_EXACT = (
    TEXT,
    Form("tuple", tuple, tuple, _tuple),
    Form("set", set, tuple, _set(set)),
    Form("frozenset", frozenset, tuple, _set(frozenset)),
    Form("ordered_dict", collections.OrderedDict, _pairs, _mapping(collections.OrderedDict)),
    Form("bytearray", bytearray, lambda it: (bytes(it),), _bytearray),
    Form("complex", complex, lambda it: (it.real, it.imag), _factory(factories.make_complex)),
    Form("date", datetime.date, lambda it: (it.isoformat(),), _date, word=True),
    Form("time", datetime.time, _clock_parts, _clock(datetime.time), word=True),
    Form("datetime", datetime.datetime, _clock_parts, _clock(datetime.datetime), word=True),
    Form(
        "timedelta",
        datetime.timedelta,
        lambda it: (it.days, it.seconds, it.microseconds),
        _factory(factories.make_timedelta),
    ),
    Form("timezone", datetime.timezone, _zone_parts, _factory(factories.make_timezone)),
    Form("decimal", decimal.Decimal, lambda it: (str(it),), _factory(factories.make_decimal), word=True),
    Form("uuid", uuid.UUID, lambda it: (str(it),), _uuid, word=True),
    Form("slice", slice, lambda it: (it.start, it.stop, it.step), _factory(factories.make_slice)),
    Form("range", range, lambda it: (it.start, it.stop, it.step), _factory(factories.make_range)),
    Form("scalar_class", type, _class_parts, _factory(factories.make_scalar_class), word=True),
)
_BY_KIND = {form.kind: form for form in _EXACT}
_BY_BASE = (RECORD, MEMBER, MESSAGE, _SCALAR, _DTYPE)
_FORMS = {form.name: form for form in (*_EXACT, *_BY_BASE, DICT, _TORCH)}


def form_of(value: object, serializer: str) -> Form:
    """The form that a value is written in.

    Raises:
        SerializerError: where there is none.
    """
    kind = kind_of(value)
    form = _BY_KIND.get(kind) or next((each for each in _BY_BASE if issubclass(kind, each.kind)), None)
    if form is None and is_torch_tensor(value):
        form = _TORCH
    if form is None:
        raise SerializerError(
            f"{serializer} can't serialize a {kind.__module__}.{kind.__qualname__}: it carries plain values and "
            "containers, arrays, generated types and protobuf messages"
        )
    return form


def made(reading: Reading, name: str, parts: Sequence[Any]) -> Any:
    """The value of a form from a peer.

    Raises:
        SerializerError: for a form that is not known, and for parts that do not fit it.
    """
    form = _FORMS.get(name)
    if form is None:
        raise SerializerError(f"not valid: there is no form {name[:40]!r}{did_you_mean(name, _FORMS)}")
    try:
        return form.make(reading, *parts)
    except SerializerError:
        raise
    except Exception as error:
        raise SerializerError(f"not a valid {name}: {type(error).__name__}: {str(error)[:300]}") from error

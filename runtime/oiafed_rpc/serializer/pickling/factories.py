"""What a pickle from a peer may call: each checks the exact types of its arguments, and none runs foreign code.

A pickle names these functions, so their names are part of the wire format.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import uuid
from collections.abc import Callable
from types import NoneType
from typing import Any, TypeVar

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.arrays import array_from
from oiafed_rpc.dtypes import dtype_named
from oiafed_rpc.on_demand import import_expected
from oiafed_rpc.records import OpenEnum, Record, Tensor
from oiafed_rpc.serializer.base import Buffer, SerializerError, kind_of
from oiafed_rpc.serializer.messages import message_of
from oiafed_rpc.serializer.pickling.allowed import loaded, refusal
from oiafed_rpc.serializer.pickling.budget import Budget
from oiafed_rpc.serializer.versions import Unread
from oiafed_rpc.torch_tensors import torch_of_array

_T = TypeVar("_T")

MAX_DECIMAL = 4300  # as many digits as Python reads of an int
_OBJECT = 128  # about what an array, a record or a number of numpy takes beside its content
_DIMENSION = 16
_BYTE_OF_MESSAGE = 32  # about what a byte of a message takes at most, once it is read
_LEAVES = frozenset({NoneType, bool, int, float, str})

SCALARS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (np.dtype(code).type for code in "?bBhHiIlLqQefdgFDGSUmM")
}
"""Numpy's classes of numbers, by name."""


def exact(value: Any, kind: type[_T]) -> _T:
    """A value that must be of a class itself; raises TypeError for another."""
    if kind_of(value) is not kind:
        raise TypeError(f"a {type(value).__name__} where a {kind.__name__} is due")
    exact: _T = value
    return exact


def exact_list(value: Any) -> list[Any]:
    """A list itself; raises TypeError for another value."""
    if kind_of(value) is not list:
        raise TypeError(f"a {type(value).__name__} where a list is due")
    items: list[Any] = value
    return items


def exact_dict(value: Any) -> dict[Any, Any]:
    """A dict itself; raises TypeError for another value."""
    if kind_of(value) is not dict:
        raise TypeError(f"a {type(value).__name__} where a dict is due")
    items: dict[Any, Any] = value
    return items


def _items(value: Any) -> tuple[Any, ...]:
    if kind_of(value) is not tuple:
        raise TypeError("a shape that is no tuple")
    items: tuple[Any, ...] = value
    return items


def make_array(budget: Budget, data: Any, dtype: object, shape: object) -> Tensor:
    """The array over a buffer, always writable."""
    lengths = _items(shape)
    for length in lengths:
        exact(length, int)
    budget.small(_OBJECT + _DIMENSION * len(lengths))
    view = memoryview(data)  # raises TypeError for what is no buffer
    budget.array(view.nbytes)
    writable: Buffer = bytearray(data) if view.readonly else data
    return array_from(exact(dtype, str), lengths, writable)


def make_torch(budget: Budget, array: object) -> Any:
    """A tensor of torch over an array, or the array where this process does not use torch."""
    budget.small(2 * _OBJECT)
    return torch_of_array(exact(array, np.ndarray))


def make_scalar(budget: Budget, data: object, dtype: object) -> Any:
    """A number of numpy."""
    raw, name = exact(data, bytes), exact(dtype, str)
    budget.small(_OBJECT)
    budget.array(len(raw))
    return array_from(name, (), raw)[()]


def make_dtype(budget: Budget, name: object) -> np.dtype[Any]:
    """A dtype of numpy."""
    budget.small(_OBJECT)
    return dtype_named(exact(name, str))


def make_scalar_class(budget: Budget, name: object) -> type[Any]:
    """A class of numpy's numbers."""
    return SCALARS[exact(name, str)]


def make_record(budget: Budget, module: Any, name: Any, values: Any) -> Any:
    """A record of a generated class."""
    cls = _known(budget, exact(module, str), exact(name, str), Record)
    fields = exact_dict(values)
    for field in fields:
        exact(field, str)
    budget.small(_OBJECT + _DIMENSION * len(fields))
    if cls is None:
        return Unread(name)
    try:
        return cls(**fields)
    except TypeError as error:  # says which are missing or not known
        budget.deviations.note(f"not valid pickle: TypeError: {error}")
        return cls(**cls.__wire__.completed(fields, budget.small))


def make_member(budget: Budget, module: Any, name: Any, value: object) -> Any:
    """A member of a generated enumeration."""
    cls = _known(budget, exact(module, str), exact(name, str), OpenEnum)
    budget.small(_OBJECT)
    return Unread(name) if cls is None else cls(exact(value, int))


def _known(budget: Budget, module: str, name: str, base: type[_T]) -> type[_T] | None:
    """A generated class; None where this process has none."""
    try:
        return generated(module, name, base)
    except SerializerError as error:
        budget.deviations.note(str(error))
        return None


def generated(module: str, name: str, base: type[_T]) -> type[_T]:
    """A generated class below `base`, of a module that is imported already; raises SerializerError for another."""
    cls = loaded(module, name)
    if cls is None:
        import_expected()
        cls = loaded(module, name)
    if cls is None or not issubclass(cls, base) or cls is base or not _is_generated(cls):
        raise refusal(f"{module}.{name}")
    return cls


def _is_generated(cls: type[Any]) -> bool:
    return "__wire__" in vars(cls) if issubclass(cls, Record) else bool(getattr(cls, "__members__", None))


def make_message(budget: Budget, name: object, content: object) -> ProtoMessage:
    """A protobuf message, from its bytes."""
    data = exact(content, bytes)
    budget.small(_OBJECT + _BYTE_OF_MESSAGE * len(data))
    return message_of(exact(name, str), data)


def make_ordered_dict(budget: Budget) -> collections.OrderedDict[Any, Any]:
    """An ordered dict; its items follow."""
    budget.small(2 * _OBJECT)
    return collections.OrderedDict()


def make_date(budget: Budget, *parts: object) -> datetime.date:
    """A date of year, month and day."""
    budget.small(_OBJECT)
    return datetime.date(*[exact(part, int) for part in parts])


def make_datetime(budget: Budget, zone: object, fold: object, *parts: object) -> datetime.datetime:
    """A moment, in a zone or in none."""
    budget.small(_OBJECT)
    year, month, day, *rest = [exact(part, int) for part in parts]
    hour, minute, second, micro = rest
    return datetime.datetime(year, month, day, hour, minute, second, micro, tzinfo=zone_of(zone), fold=exact(fold, int))


def make_time(budget: Budget, zone: object, fold: object, *parts: object) -> datetime.time:
    """A time of day, in a zone or in none."""
    budget.small(_OBJECT)
    hour, minute, second, micro = [exact(part, int) for part in parts]
    return datetime.time(hour, minute, second, micro, tzinfo=zone_of(zone), fold=exact(fold, int))


def zone_of(zone: object) -> datetime.tzinfo | None:
    """A time zone or none; raises TypeError for what is neither."""
    if zone is None or isinstance(zone, datetime.tzinfo):
        return zone
    raise TypeError(f"a {type(zone).__name__} where a time zone is due")


def make_timedelta(budget: Budget, days: object, seconds: object, micros: object) -> datetime.timedelta:
    """A span of time."""
    budget.small(_OBJECT)
    return datetime.timedelta(exact(days, int), exact(seconds, int), exact(micros, int))


def make_timezone(budget: Budget, offset: object, *name: object) -> datetime.timezone:
    """A fixed offset from UTC, with a name or none."""
    budget.small(_OBJECT)
    return datetime.timezone(exact(offset, datetime.timedelta), *[exact(part, str) for part in name])


def make_decimal(budget: Budget, text: object) -> decimal.Decimal:
    """A decimal number from its digits."""
    digits = exact(text, str)
    if len(digits) > MAX_DECIMAL:
        raise ValueError(f"a Decimal of more than {MAX_DECIMAL} digits")
    budget.small(_OBJECT + len(digits))
    return decimal.Decimal(digits)


def make_uuid(budget: Budget, data: object) -> uuid.UUID:
    """A UUID from its bytes."""
    budget.small(2 * _OBJECT)
    return uuid.UUID(bytes=exact(data, bytes))


def make_complex(budget: Budget, real: object, imaginary: object) -> complex:
    """A complex number."""
    budget.small(_OBJECT)
    return complex(exact(real, float), exact(imaginary, float))


def make_slice(budget: Budget, *parts: object) -> slice:
    """A slice of plain values only: deep ones crash Python when they are freed."""
    budget.small(_OBJECT)
    for part in parts:
        if type(part) not in _LEAVES:
            raise TypeError(f"a slice of a {type(part).__name__}")
    values: Any = parts
    start, stop, step = values
    return slice(start, stop, step)


def make_range(budget: Budget, *parts: object) -> range:
    """A range."""
    budget.small(_OBJECT)
    start, stop, step = [exact(part, int) for part in parts]
    return range(start, stop, step)


FACTORIES: dict[tuple[str, str], Callable[..., Any]] = {
    (__name__, each.__name__): each
    for each in (
        *(
            make_array,
            make_torch,
            make_scalar,
            make_dtype,
            make_scalar_class,
            make_record,
            make_member,
            make_message,
            make_ordered_dict,
        ),
        *(make_date, make_datetime, make_time, make_timedelta, make_timezone),
        *(make_decimal, make_uuid, make_complex, make_slice, make_range),
    )
}
"""All that a pickle from a peer may call, beside what the user allows."""

"""Pickle that runs no code: arrays as raw buffers, and a reader of our own that builds allow-listed values only."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import pickle
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from google.protobuf.message import Message as ProtoMessage

from oiafed_rpc.arrays import array_of, plain_array, raw_bytes
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import OpenEnum, Record, Tensor
from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError, kind_of, unfit
from oiafed_rpc.serializer.messages import message_parts
from oiafed_rpc.serializer.pickling import factories
from oiafed_rpc.serializer.pickling.allowed import Allowed, loaded
from oiafed_rpc.serializer.pickling.unpickler import unpickle
from oiafed_rpc.steps import copied
from oiafed_rpc.torch_tensors import is_torch_tensor
from oiafed_rpc.workers import on_event_loop

_Reduced: TypeAlias = tuple[Any, ...]
_LONGEST = 300
_TOO_DEEP = "pickle can't serialize what is nested this deeply, or a record that holds itself"


def _datetime(moment: datetime.datetime) -> _Reduced:
    date, time = (moment.year, moment.month, moment.day), _clock(moment)
    return factories.make_datetime, (moment.tzinfo, moment.fold, *date, *time)


def _clock(time: datetime.time | datetime.datetime) -> tuple[int, int, int, int]:
    return time.hour, time.minute, time.second, time.microsecond


_REDUCE: dict[type[Any], Callable[[Any], _Reduced]] = {
    collections.OrderedDict: lambda it: (factories.make_ordered_dict, (), None, None, iter(it.items())),
    datetime.date: lambda it: (factories.make_date, (it.year, it.month, it.day)),
    datetime.datetime: _datetime,
    datetime.time: lambda it: (factories.make_time, (it.tzinfo, it.fold, *_clock(it))),
    datetime.timedelta: lambda it: (factories.make_timedelta, (it.days, it.seconds, it.microseconds)),
    datetime.timezone: lambda it: (factories.make_timezone, it.__getinitargs__()),
    decimal.Decimal: lambda it: (factories.make_decimal, (str(it),)),
    uuid.UUID: lambda it: (factories.make_uuid, (it.bytes,)),
    complex: lambda it: (factories.make_complex, (it.real, it.imag)),
    slice: lambda it: (factories.make_slice, (it.start, it.stop, it.step)),
    range: lambda it: (factories.make_range, (it.start, it.stop, it.step)),
}


class _Beside:
    """What a pickle has out of band.

    It is an object of its own: a pickler that was its own callback would hold the arrays until the garbage collector
    comes.

    Args:
        memory: Takes it.
    """

    def __init__(self, memory: list[Buffer | Tensor]) -> None:
        self._memory = memory
        self._arrays: dict[int, tuple[pickle.PickleBuffer, Tensor]] = {}

    def stand_in(self, array: Tensor) -> pickle.PickleBuffer:
        """What the pickler is to take for the memory of an array."""
        buffer = pickle.PickleBuffer(bytearray())
        self._arrays[id(buffer)] = buffer, array
        return buffer

    def leave(self, buffer: pickle.PickleBuffer) -> None:
        """What the pickler has left out."""
        _, array = self._arrays.pop(id(buffer), (None, None))
        self._memory.append(buffer.raw() if array is None else array)


class _Pieces:
    """A file that keeps what is written: large bytes, such as those of the object itself, are not copied."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: Buffer) -> int:
        """Keep a piece."""
        self.pieces.append(copied(piece))
        return len(piece)


class _Pickler(pickle.Pickler):
    """Writes whatever is not a plain value or container as a call of one of the factories.

    Args:
        stream: Where it writes.
        memory: Takes the arrays, and the memory of what else pickles have out of band; None to have it in the stream.
    """

    def __init__(self, stream: _Pieces, memory: list[Buffer | Tensor] | None) -> None:
        self._beside = None if memory is None else _Beside(memory)
        super().__init__(stream, protocol=5, buffer_callback=None if self._beside is None else self._beside.leave)

    def reducer_override(self, obj: Any) -> Any:
        kind = kind_of(obj)
        if kind in _REDUCE:
            return _REDUCE[kind](obj)
        if issubclass(kind, np.ndarray):
            return self._reduce_array(obj)
        if issubclass(kind, np.generic):
            array = np.asarray(obj)  # gives an empty string the memory that one in an array has
            return factories.make_scalar, (array.tobytes(), dtype_name(array.dtype))
        if issubclass(kind, np.dtype):
            return factories.make_dtype, (dtype_name(obj),)
        if isinstance(obj, type):
            known = factories.SCALARS.get(obj.__name__) is obj
            return (factories.make_scalar_class, (obj.__name__,)) if known else NotImplemented
        if is_torch_tensor(obj):
            return factories.make_torch, (array_of(obj),)
        if issubclass(kind, ProtoMessage):
            return factories.make_message, message_parts(obj)
        return _reduce_generated(obj) if issubclass(kind, Record | OpenEnum) else NotImplemented

    def _reduce_array(self, obj: Tensor) -> _Reduced:
        array = plain_array(obj)
        name = dtype_name(array.dtype)
        buffer = pickle.PickleBuffer(raw_bytes(array)) if self._beside is None else self._beside.stand_in(array)
        return factories.make_array, (buffer, name, array.shape)


def _reduce_generated(obj: Any) -> Any:
    kind = kind_of(obj)
    named = kind.__module__, kind.__qualname__
    if loaded(*named) is not kind:
        return NotImplemented
    if isinstance(obj, OpenEnum):
        return factories.make_member, (*named, obj.value)
    if "__wire__" not in vars(kind):
        return NotImplemented
    values = {field.name: getattr(obj, field.name) for field in dataclasses.fields(obj)}
    return factories.make_record, (*named, values)


class _YieldingPickler(_Pickler):
    """Runs a little Python for each object: only then can another thread, such as the event loop's, have the GIL."""

    def persistent_id(self, obj: Any) -> None:
        """Nothing: every object is written."""


class PickleSerializer(Serializer):
    """Python's pickle, protocol 5, arrays out of band.

    Reading builds plain values, numpy arrays, generated types and what `allow` names: nothing else, whoever sent it.

    Args:
        allow: Patterns of further classes that may be built, such as `mypackage.*`. Name only what is
            harmless when it is called with any arguments.
    """

    name = "pickle"

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allowed = Allowed(allow)

    def serialize(self, obj: Any) -> bytes:
        """One pickle, buffers included."""
        return _dump(obj, None)

    def deserialize(self, data: bytes) -> Any:
        """Undo `serialize`; raises SerializerError naming what is not allowed."""
        return self.load(data, ())

    def dump(self, obj: Any) -> Packed:
        """A pickle, and beside it the memory of the arrays."""
        memory: list[Buffer | Tensor] = []
        return Packed(self.name, _dump(obj, memory), memory)

    def load(self, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Undo `dump`; arrays are made over `buffers` without a copy.

        Raises:
            SerializerError: for what is not valid, not allowed, or costs far more than its size.
        """
        try:
            return unpickle(bytes(data), buffers, self._allowed)
        except SerializerError:
            raise
        except Exception as error:
            raise SerializerError(f"not valid pickle: {type(error).__name__}: {str(error)[:_LONGEST]}") from error


def _dump(obj: Any, memory: list[Buffer | Tensor] | None) -> bytes:
    written = _Pieces()
    try:
        (_Pickler if on_event_loop() else _YieldingPickler)(written, memory).dump(obj)
    except RecursionError:
        raise SerializerError(_TOO_DEEP) from None
    except SerializerError:
        raise
    except ValueError as error:
        raise unfit(PickleSerializer.name, obj, error) from error
    return b"".join(written.pieces)  # without the GIL, where it is much

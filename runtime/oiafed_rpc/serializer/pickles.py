"""Pickle that runs no code: arrays as raw buffers, and an unpickler that builds allow-listed values only."""

from __future__ import annotations

import fnmatch
import io
import pickle
import pickletools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from oiafed_rpc.arrays import array_from, array_of, dtype_name, dtype_named
from oiafed_rpc.records import OpenEnum, Record, Tensor
from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError

_PLAIN = frozenset(
    {
        ("builtins", "complex"),
        ("builtins", "slice"),
        ("collections", "OrderedDict"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("decimal", "Decimal"),
        ("uuid", "UUID"),
    }
)
"""Classes whose construction from any arguments runs no foreign code and takes no more memory than the arguments do."""


_FAR_MEMO = re.compile(rb"r..(?:.[^\0]|[^\0].)|p\d{6}", re.DOTALL)
"""What a memo index of 65,536 or more looks like, among much that only looks like it."""


def _refuse_far_memo(data: bytes) -> None:
    """Refuse memo indices beyond the data: the unpickler makes room up to the index before it looks further."""
    if not _FAR_MEMO.search(data):
        return
    try:
        indices = [arg or 0 for opcode, arg, _ in pickletools.genops(data) if opcode.name in {"PUT", "LONG_BINPUT"}]
    except Exception as error:
        raise SerializerError(f"not valid pickle: {error}") from error
    if any(index > len(data) for index in indices):
        raise SerializerError("not valid pickle: a memo index beyond its end")


def rebuild_array(data: Buffer, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """What a pickled array calls: the array over a buffer, always writable."""
    if memoryview(data).readonly:
        data = bytearray(data)
    return array_from(dtype, shape, data)


def rebuild_scalar(data: bytes, dtype: str) -> Any:
    """What a pickled numpy scalar calls."""
    return array_from(dtype, (), data)[()]


def rebuild_dtype(name: str) -> np.dtype[Any]:
    """What a pickled dtype calls."""
    return dtype_named(name)


_OURS: dict[tuple[str, str], Callable[..., Any]] = {
    (__name__, each.__name__): each for each in (rebuild_array, rebuild_scalar, rebuild_dtype)
}


def _kind(obj: object) -> type[object]:
    return type(obj)


class _Pickler(pickle.Pickler):
    """Pickles arrays as a call of `rebuild_array`, so that numpy's own reconstructors need not be allowed."""

    def reducer_override(self, obj: Any) -> Any:
        kind = _kind(obj)
        if issubclass(kind, np.ndarray):
            return _reduce_array(array_of(obj))
        if issubclass(kind, np.generic):
            return rebuild_scalar, (obj.tobytes(), dtype_name(obj.dtype))
        if issubclass(kind, np.dtype):
            return rebuild_dtype, (dtype_name(obj),)
        return NotImplemented


def _reduce_array(array: Tensor) -> tuple[Callable[..., Any], tuple[object, ...]]:
    name = dtype_name(array.dtype)
    contiguous = np.require(array, requirements="C")
    raw = contiguous.reshape(-1).view(np.uint8).data if array.nbytes else b""
    return rebuild_array, (pickle.PickleBuffer(raw), name, array.shape)


class _Unpickler(pickle.Unpickler):
    """Builds only what is allow-listed; anything else is refused by name, before it is imported."""

    def __init__(self, data: bytes, buffers: Sequence[Buffer], allow: tuple[str, ...]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._allow = allow

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _OURS:
            return _OURS[module, name]
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        generated = _loaded(module, name)
        if isinstance(generated, type) and issubclass(generated, Record | OpenEnum):
            return generated
        if any(fnmatch.fnmatchcase(f"{module}.{name}", pattern) for pattern in self._allow):
            return super().find_class(module, name)
        raise SerializerError(
            f"{module}.{name} is not allowed in a pickle from a peer; if it is safe to build from any arguments, "
            f"add it to transport.pickle_allow"
        )

    def persistent_load(self, pid: Any) -> Any:
        raise SerializerError("persistent ids are not allowed in a pickle from a peer")


def _loaded(module: str, name: str) -> object:
    """A class of a module that this process has imported already; never imports one."""
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    return found


class PickleSerializer(Serializer):
    """Python's pickle, protocol 5, arrays out of band.

    Reading builds plain values, numpy arrays, generated types and what `allow` names: nothing else, whoever sent it.

    Args:
        allow: Patterns of further classes that may be built, such as `mypackage.*`. Name only what is
            harmless when it is called with any arguments.
    """

    name = "pickle"

    def __init__(self, allow: Iterable[str] = ()) -> None:
        self._allow = tuple(allow)

    def serialize(self, obj: Any) -> bytes:
        """One pickle, buffers included."""
        stream = io.BytesIO()
        _Pickler(stream, protocol=5).dump(obj)
        return stream.getvalue()

    def deserialize(self, data: bytes) -> Any:
        """Undo `serialize`; raises SerializerError naming what is not allowed."""
        return self.load(data, ())

    def dump(self, obj: Any) -> Packed:
        """A pickle, and beside it the memory of the arrays."""
        stream = io.BytesIO()
        buffers: list[pickle.PickleBuffer] = []
        _Pickler(stream, protocol=5, buffer_callback=buffers.append).dump(obj)
        return Packed(self.name, stream.getvalue(), [buffer.raw() for buffer in buffers])

    def load(self, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Undo `dump`; arrays are made over `buffers` without a copy."""
        _refuse_far_memo(data)
        return _Unpickler(data, buffers, self._allow).load()

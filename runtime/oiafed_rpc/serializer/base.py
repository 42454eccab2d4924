"""What a serializer is."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from oiafed_rpc.arrays import raw_bytes
from oiafed_rpc.records import Tensor

Buffer: TypeAlias = bytes | bytearray | memoryview


class SerializerError(ValueError):
    """An object can't be serialized, or bytes may not be deserialized; the message names what and why."""


class Packed(NamedTuple):
    """A serialized object.

    Attributes:
        serializer: The name of the serializer that made it.
        data: Its bytes.
        memory: The arrays in it, or their raw memory, in order, apart from `data`.
    """

    serializer: str
    data: bytes
    memory: Sequence[Buffer | Tensor] = ()

    @property
    def buffers(self) -> list[Buffer]:
        """The raw memory of the arrays: where one does not lie in C order, a copy of it."""
        return [raw_bytes(each) if isinstance(each, np.ndarray) else each for each in self.memory]


def kind_of(value: object) -> type[Any]:
    """The class of a value that nothing is known of."""
    return type(value)


class Serializer(ABC):
    """Turns Python objects to bytes and back. `serialize` and `deserialize` are all that a user must write.

    Attributes:
        name: What the sender calls it on the wire; a receiver must know a serializer of that name.
    """

    name: str = ""

    @abstractmethod
    def serialize(self, obj: Any) -> bytes:
        """The bytes of an object; raises an exception that says why where it can't be."""

    @abstractmethod
    def deserialize(self, data: bytes) -> Any:
        """The object of bytes from a peer, who may be hostile; raises an exception for what is not valid."""

    def dump(self, obj: Any) -> Packed:
        """Serialize with the memory of arrays kept apart, where the serializer can."""
        return Packed(self.name, self.serialize(obj))

    def load(self, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Undo `dump`."""
        if buffers:
            raise SerializerError(f"the {self.name} serializer takes no buffers beside its data")
        return self.deserialize(data)


def unfit(serializer: str, obj: object, error: Exception) -> SerializerError:
    """The error for an object that a serializer refused."""
    return SerializerError(f"{serializer} can't serialize {type(obj).__name__}: {error}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where one of the known words is near, else nothing."""
    close = difflib.get_close_matches(word[:100], list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

"""The state of the machine that reads pickles, and its tables of opcodes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from oiafed_rpc.serializer.base import Buffer, SerializerError
from oiafed_rpc.serializer.pickling.allowed import Allowed
from oiafed_rpc.serializer.pickling.budget import Budget
from oiafed_rpc.serializer.pickling.keys import Keys
from oiafed_rpc.steps import copied

_LARGE = 1 << 22  # bytes
_RUN = 1000  # as many items as the pickler writes at once


class Machine:
    """Reads one pickle.

    Args:
        data: The pickle.
        buffers: The memory of arrays beside it.
        allowed: What may be built beside plain values.
    """

    __slots__ = ("allowed", "budget", "buffers", "data", "globals", "keys", "marks", "memo", "pos", "stack")

    def __init__(self, data: bytes, buffers: Sequence[Buffer], allowed: Allowed) -> None:
        self.data = data
        self.pos = 0
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: list[Any] = []
        self.globals: dict[int, object] = {}
        self.buffers = iter(buffers)
        self.allowed = allowed
        self.budget = Budget(len(data), sum(memoryview(each).nbytes for each in buffers))
        self.keys = Keys(self.budget, allowed)

    def take(self, size: int) -> bytes:
        """The next bytes."""
        start = self.pos
        self.pos = end = start + size
        if end > len(self.data):
            raise SerializerError("not valid pickle: it ends too early")
        return self.data[start:end] if size <= _LARGE else copied(memoryview(self.data)[start:end])

    def number(self, size: int) -> int:
        """The next unsigned number."""
        return int.from_bytes(self.take(size), "little")

    def to_mark(self) -> list[Any]:
        """What was put on the stack since the last mark."""
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def run(self, code: int, layout: struct.Struct, row: np.dtype[Any]) -> None:
        """A number, or many of one opcode in a row, which is how lists of numbers come."""
        data, pos = self.data, self.pos
        end = pos + layout.size
        if end >= len(data):
            raise SerializerError("not valid pickle: it ends too early")
        if data[end] != code:
            self.pos = end
            self.stack.append(layout.unpack_from(data, pos)[0])
            return
        first, stride = pos - 1, row.itemsize
        heads = data[first : first + _RUN * stride : stride]
        count = min(len(heads) - len(heads.lstrip(bytes([code]))), (len(data) - first) // stride)
        self.pos = first + count * stride
        self.stack.extend(np.frombuffer(data[first : self.pos], row)["value"].tolist())


Opcode: TypeAlias = Callable[[Machine], None]


class Opcodes(dict[int, Opcode]):
    """What each opcode does to the machine."""

    def on(self, code: bytes) -> Callable[[Opcode], Opcode]:
        """Enter a function for one opcode."""

        def enter(function: Opcode) -> Opcode:
            self[code[0]] = function
            return function

        return enter

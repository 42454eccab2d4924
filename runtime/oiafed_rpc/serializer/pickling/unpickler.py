"""A reader for the subset of pickle that `_Pickler` writes: every opcode checks its argument, none recurses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oiafed_rpc.serializer.base import Buffer, SerializerError
from oiafed_rpc.serializer.pickling.allowed import Allowed
from oiafed_rpc.serializer.pickling.atoms import ATOMS
from oiafed_rpc.serializer.pickling.containers import CONTAINERS
from oiafed_rpc.serializer.pickling.machine import Machine, Opcode, Opcodes
from oiafed_rpc.serializer.pickling.nesting import check_nesting
from oiafed_rpc.serializer.pickling.objects import OBJECTS

_STOP = b"."[0]
_FRAME = Opcodes()


def unpickle(data: bytes, buffers: Sequence[Buffer], allowed: Allowed) -> Any:
    """The value of a pickle.

    Args:
        data: The pickle.
        buffers: The memory of arrays beside it.
        allowed: What may be built beside plain values.

    Raises:
        SerializerError: for what is not valid, not allowed, or costs far more than its size. Whatever else is
            raised comes of values that do not fit, and means that the pickle is not valid.
    """
    machine = Machine(data, buffers, allowed)
    while (opcode := data[machine.pos]) != _STOP:
        machine.pos += 1
        _OPCODES[opcode](machine)
    if machine.marks or len(machine.stack) != 1 or machine.pos + 1 != len(data):
        raise SerializerError("not valid pickle: it ends in the middle of a value")
    value = machine.stack.pop()
    check_nesting(value)
    machine.budget.deviations.check(value)
    return value


def _refuse(code: int) -> Opcode:
    def refuse(_: Machine) -> None:
        raise SerializerError(f"not valid pickle: opcode {bytes([code])!r} is not one that is read here")

    return refuse


@_FRAME.on(b"\x80")
def _proto(m: Machine) -> None:
    if not 4 <= m.number(1) <= 5:
        raise SerializerError("not valid pickle: of another protocol than 4 and 5")


@_FRAME.on(b"\x95")
def _frame(m: Machine) -> None:
    if m.number(8) > len(m.data) - m.pos:
        raise SerializerError("not valid pickle: it ends too early")


_OPCODES = [({**_FRAME, **ATOMS, **CONTAINERS, **OBJECTS}).get(code) or _refuse(code) for code in range(256)]

"""The opcodes of plain values."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from oiafed_rpc.serializer.base import SerializerError
from oiafed_rpc.serializer.pickling.machine import Machine, Opcode, Opcodes

MAX_INTEGER = 1024  # bytes; Python itself refuses to print longer ones

ATOMS = Opcodes()


def _constants() -> None:
    def push(value: object) -> Opcode:
        return lambda m: m.stack.append(value)

    for code, value in ((b"N", None), (b"\x88", True), (b"\x89", False), (b")", ())):
        ATOMS.on(code)(push(value))


def _numbers() -> None:
    def run(code: int, layout: struct.Struct, row: np.dtype[Any]) -> Opcode:
        return lambda m: m.run(code, layout, row)

    for code, layout, dtype in ((b"K", "<B", "<u1"), (b"M", "<H", "<u2"), (b"J", "<i", "<i4"), (b"G", ">d", ">f8")):
        ATOMS.on(code)(run(code[0], struct.Struct(layout), np.dtype([("code", "u1"), ("value", dtype)])))


def _sized() -> None:
    def text(size: int) -> Opcode:
        return lambda m: m.stack.append(m.take(m.number(size)).decode("utf-8", "surrogatepass"))

    def raw(size: int) -> Opcode:
        return lambda m: m.stack.append(m.take(m.number(size)))

    for code, size in ((b"X", 4), (b"\x8d", 8)):
        ATOMS.on(code)(text(size))
    for code, size in ((b"C", 1), (b"B", 4), (b"\x8e", 8)):
        ATOMS.on(code)(raw(size))


_constants()
_numbers()
_sized()


@ATOMS.on(b"\x8c")
def _short_text(m: Machine) -> None:
    data, start = m.data, m.pos + 1
    m.pos = end = start + data[m.pos]
    if end > len(data):
        raise SerializerError("not valid pickle: it ends too early")
    m.stack.append(data[start:end].decode("utf-8", "surrogatepass"))


@ATOMS.on(b"\x8a")
def _long1(m: Machine) -> None:
    m.stack.append(int.from_bytes(m.take(m.number(1)), "little", signed=True))


@ATOMS.on(b"\x8b")
def _long4(m: Machine) -> None:
    size = m.number(4)
    if size > MAX_INTEGER:
        raise SerializerError(f"an integer of more than {MAX_INTEGER} bytes in a pickle from a peer: refused")
    m.stack.append(int.from_bytes(m.take(size), "little", signed=True))


@ATOMS.on(b"\x96")
def _bytearray(m: Machine) -> None:
    m.stack.append(bytearray(m.take(m.number(8))))


@ATOMS.on(b"\x97")
def _next_buffer(m: Machine) -> None:
    buffer = next(m.buffers, None)
    if buffer is None:
        raise SerializerError("not valid pickle: it asks for more buffers than came with it")
    m.stack.append(buffer)


@ATOMS.on(b"\x98")
def _readonly_buffer(m: Machine) -> None:
    m.budget.small(200)
    m.stack.append(memoryview(m.stack.pop()).toreadonly())

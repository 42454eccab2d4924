"""Pickles that are made to break, hang or fill the process that reads them: each small, each refused at once."""

from __future__ import annotations

import struct

import pytest
from oiafed_rpc import PickleSerializer
from oiafed_rpc.serializer import SerializerError


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _call(name: str) -> bytes:
    return _text("oiafed_rpc.serializer.pickling.factories") + _text(name) + b"\x93"


def _int(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _long(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8b" + struct.pack("<I", len(data)) + data


def _twos(count: int) -> bytes:
    return b")\x94" + b"".join(b"h%ch%c\x86\x94" % (level, level) for level in range(count))


def _colliding(count: int) -> bytes:
    return b"".join(_long(each * ((1 << 61) - 1)) + b"N" for each in range(1, count))


_HUGE = b"\x8b" + struct.pack("<I", 1_000_000) + b"\x7f" * 1_000_000
_ARRAY = _call("make_array") + b"\x94"
_RECORDS = _text("oiafed_rpc.records")
_REFUSED = "HelloRequest is not allowed"
_GROWN = b"(K\x03" + _text("|") + b"NNN" + _int(1 << 24) + b"K\x01K\x00tb"
_HELLO = _text("oiafed_rpc.system.types") + _text("HelloRequest")

ATTACKS = {
    "nested key": (_twos(60) + b"}h\x3cNs", "nested deeper than 8"),
    "nested item": (_twos(60) + b"\x8f(h\x3c\x90", "nested deeper than 8"),
    "nested frozen item": (_twos(60) + b"(h\x3c\x91", "nested deeper than 8"),
    "wide key": (b"}(" + b"N" * 2000 + b"tNs", "more than 1000 parts"),
    "work of keys": (b"((" + b"K\x01" * 900 + b"t\x94" + b"}h\x00Ns" * 2000 + b"t", "64 times as much"),
    "list as key": (b"}]Ns", "a list may not be a key"),
    "decimal of an int": (_call("make_decimal") + _long(10**300) + b"\x85R", "a int where a str"),
    "decimal of much": (_call("make_decimal") + _text("9" * 5000) + b"\x85R", "4300 digits"),
    "huge int": (_HUGE, "1024 bytes"),
    "colliding keys": (b"}(" + _colliding(2000) + b"u", "keys of one hash"),
    "colliding items": (b"\x8f(" + _colliding(2000).replace(b"N\x8b", b"\x8b")[:-1] + b"\x90", "keys of one hash"),
    "empty sets": (b"(" + b"\x8f" * 100_000 + b"t", "64 times as much"),
    "a buffer many times": (
        _ARRAY
        + b"B"
        + struct.pack("<I", 4096)
        + b"x" * 4096
        + _text("|u1")
        + _int(4096)
        + b"\x85\x87\x94("
        + b"h\x00h\x01R" * 100
        + b"t",
        "larger than what was received",
    ),
    "ordered copies": (
        _text("collections")
        + _text("OrderedDict")
        + b"\x93\x94}("
        + b"".join(_int(each) + b"N" for each in range(1000))
        + b"u\x85\x94("
        + b"h\x00h\x01R" * 300
        + b"t",
        "collections.OrderedDict is not allowed",
    ),
    "ordered many": (_call("make_ordered_dict") + b"\x94(" + b"h\x00)R" * 20_000 + b"t", "64 times as much"),
    "empty strings": (_ARRAY + b"C\x00" + _text("<U0") + _int(1 << 20) + b"\x85\x87R", "empty strings"),
    "many dimensions": (
        _ARRAY + b"C\x00" + _text("|u1") + b"(" + b"K\x00" * 64 + b"t\x87\x94(" + b"h\x00h\x01R" * 10_000 + b"t",
        "64 times as much",
    ),
    "long shape": (_ARRAY + b"C\x00" + _text("|u1") + b"(" + _HUGE + b"\x94" + b"h\x00" * 60 + b"t\x87R", "1024 bytes"),
    "big shape": (_ARRAY + b"C\x00" + _text("|u1") + b"(" + _long(1 << 63) + b"K\x00t\x87R", "impossible shape"),
    "shape of floats": (_ARRAY + b"C\x00" + _text("|u1") + b"G" + bytes(8) + b"\x85\x87R", "a float where"),
    "bytes that are not there": (b"\x8e" + struct.pack("<Q", 3 << 30) + b"abc", "too early"),
    "bytearray that is not there": (b"\x96" + struct.pack("<Q", 1 << 62) + b"abc", "too early"),
    "deep lists": (b"]" * 100_000 + b"a" * 99_999, "nested deeper"),
    "deep tuples": (b")" + b"\x85" * 100_000, "nested deeper"),
    "deep marks": (b"(" * 100_000 + b"t" * 100_000, "nested deeper"),
    "deep dicts": (
        b"(}\x94" + b"".join(b"}Nh%cs\x94" % each for each in range(250)) + b"t",
        "nested",
    ),
    "deep slices": (_call("make_slice") + b"\x94NNN\x87R\x94" + b"0h\x00h\x01NN\x87R", "a slice of a slice"),
    "patched class": (
        _HELLO + b"\x93N}" + _text("node_id") + _text("pwned") + b"s\x86b",
        "HelloRequest is not allowed",
    ),
    "patched record": (
        _call("make_record")
        + _HELLO
        + b"}("
        + _text("node_id")
        + b"N"
        + _text("role")
        + b"N"
        + _text("incarnation")
        + b"Nu\x87R}b",
        "HelloRequest may not be changed",
    ),
    "record base": (
        _call("make_record") + _RECORDS + _text("Record") + b"}\x87R",
        "Record is not allowed",
    ),
    "record of else": (
        _call("make_record") + _text("fractions") + _text("Fraction") + b"}\x87R",
        "Fraction is not allowed",
    ),
    "record of other fields": (_call("make_record") + _HELLO + b"}" + _text("x") + b"Ns\x87R", "TypeError"),
    "made enum": (
        _RECORDS + _text("OpenEnum") + b"\x93" + _text("Evil") + b"](" + _text("A") + b"K\x01\x86e\x86R",
        "OpenEnum is not allowed",
    ),
    "made enum by factory": (
        _call("make_member") + _RECORDS + _text("OpenEnum") + b"]\x87R",
        "OpenEnum is not allowed",
    ),
    "grown dtype": (
        _call("make_dtype")
        + _text("|S1")
        + b"\x85R\x94"
        + _ARRAY
        + b"C\x08AAAAAAAA"
        + _text("|S1")
        + b"K\x08\x85\x87R0"
        + _GROWN,
        r"may not be changed",
    ),
    "changed array": (_ARRAY + b"C\x01A" + _text("|u1") + b"K\x01\x85\x87R)b", "ndarray may not be changed"),
    "slow dtype": (_call("make_dtype") + _text("i1," * 5000) + b"\x85R", "unknown dtype"),
    "factory looked into": (_ARRAY + b"}b", "may not be changed"),
    "call of a value": (_text("x") + b")R", "a str is called"),
    "instance of a factory": (_ARRAY + b")\x81", "is called"),
    "old opcode": (b"I1\n", "opcode b'I'"),
    "persistent id": (b"Px\n", "opcode b'P'"),
    "far memo": (b"Nr\xff\xff\xff\x7f", "opcode b'r'"),
    "no memo": (b"j\xff\xff\xff\x7f", "IndexError"),
    "no buffer": (b"\x97", "more buffers"),
    "no end": (b"(", "ends in the middle"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(attack: str) -> None:
    body, match = ATTACKS[attack]
    with pytest.raises(SerializerError, match=match):
        PickleSerializer().deserialize(b"\x80\x05" + body + b".")


@pytest.mark.timeout(20)
def test_colliding_tuples_are_refused() -> None:
    keys = {complex(float(-1000003 * each), float(each)): None for each in range(40)}
    with pytest.raises(SerializerError, match="keys of one hash"):
        PickleSerializer().deserialize(PickleSerializer().serialize(keys))

"""JSON: plain values as they are, and every other as an object with a single key that begins with `$`."""

from __future__ import annotations

import binascii
import math
import struct
from collections.abc import Sequence
from types import NoneType
from typing import Any, TypeAlias

import msgspec
import numpy as np

from oiafed_rpc.arrays import plain_array, raw_bytes
from oiafed_rpc.dtypes import dtype_name
from oiafed_rpc.records import Tensor
from oiafed_rpc.serializer.base import Buffer, Packed, Serializer, SerializerError, kind_of, unfit
from oiafed_rpc.serializer.forms import DICT, MESSAGE, TEXT, Form, Reading, form_of, made
from oiafed_rpc.serializer.messages import message_json
from oiafed_rpc.serializer.pickling.atoms import MAX_INTEGER
from oiafed_rpc.serializer.pickling.factories import exact, exact_dict, exact_list, make_array
from oiafed_rpc.serializer.pickling.nesting import MAX_NESTING, check_nesting
from oiafed_rpc.steps import are_of

_Node: TypeAlias = Any
"""What JSON itself can tell: None, bool, int, float, str, list, dict."""

_SMALLEST, _LARGEST = -(1 << 63), (1 << 64) - 1
_MAX_DIGITS = 4300  # as many as Python reads
_MAX_LEVELS = 3 * MAX_NESTING  # a dict of any keys is an object, a list and pairs
_TOO_DEEP = f"values nested deeper than {MAX_NESTING} levels, or that hold themselves, are refused"
_LEAVES: frozenset[type[Any]] = frozenset({NoneType, bool, int, float, str})
_STRICT: frozenset[type[Any]] = frozenset({NoneType, bool})


class JsonSerializer(Serializer):
    """JSON that any language reads. Every plain value, array and generated type comes back as it was sent.

    Generated types are found by the names that the schema gives them, and only among those that this process has
    imported. Reading runs no code, and what it takes is bounded by what was received.
    """

    name = "json"

    def serialize(self, obj: Any) -> bytes:
        """One JSON text, arrays in base64."""
        return _dump(obj, None)

    def deserialize(self, data: bytes) -> Any:
        """Undo `serialize`; raises SerializerError saying what is wrong."""
        return self.load(data, ())

    def dump(self, obj: Any) -> Packed:
        """A JSON text, and beside it the memory of the arrays."""
        memory: list[Buffer | Tensor] = []
        return Packed(self.name, _dump(obj, memory), memory)

    def load(self, data: bytes, buffers: Sequence[Buffer]) -> Any:
        """Undo `dump`; arrays are made over `buffers` without a copy.

        Raises:
            SerializerError: for what is not valid, or names a type that this process has not imported.
        """
        try:
            node = msgspec.json.decode(data)
            reading = Reading(len(data), buffers)
            value = _Reader(reading).value(node, 0)
        except SerializerError:
            raise
        except RecursionError:
            raise SerializerError(_TOO_DEEP) from None
        except Exception as error:
            raise SerializerError(f"not valid JSON: {str(error)[:300]}") from error
        check_nesting(value)
        reading.budget.deviations.check(value)
        return value


def _dump(obj: Any, beside: list[Buffer | Tensor] | None) -> bytes:
    try:
        return msgspec.json.encode(_Writer(beside).node(obj, 0))
    except RecursionError:
        raise SerializerError(_TOO_DEEP) from None
    except SerializerError:
        raise
    except (TypeError, ValueError) as error:
        raise unfit(JsonSerializer.name, obj, error) from error


class _Writer:
    """Turns values to nodes.

    Args:
        beside: Takes the memory of arrays; None to have it in the text.
    """

    def __init__(self, beside: list[Buffer | Tensor] | None) -> None:
        self._beside = beside

    def node(self, value: Any, depth: int) -> _Node:
        kind = kind_of(value)
        if kind in _LEAVES:
            return value if kind in _STRICT else _leaf(value)
        if depth >= MAX_NESTING:
            raise SerializerError(_TOO_DEEP)
        if kind is list:
            return value if _is_plain(value) else [self.node(item, depth + 1) for item in value]
        if kind is dict:
            if _is_object(value):
                return {key: self.node(item, depth + 1) for key, item in value.items()}
            return self._form(DICT, value, depth)
        if kind is bytes:
            return {"$bytes": _base64(value)}
        if issubclass(kind, np.ndarray):
            return {"$tensor": self._tensor(value)}
        return self._form(form_of(value, "json"), value, depth)

    def _form(self, form: Form, value: Any, depth: int) -> _Node:
        parts = form.parts(value)
        if form is MESSAGE:
            content = message_json(value)
            parts = parts if content is None else (parts[0], content)
        if form.word and len(parts) == 1:
            return {f"${form.name}": parts[0]}
        if form is DICT or form.name == "ordered_dict":  # the pairs are no level of their own
            nodes = [[self.node(key, depth + 1), self.node(item, depth + 1)] for key, item in parts]
        else:
            nodes = [self.node(part, depth + 1) for part in parts]
        return {f"${form.name}": nodes}

    def _tensor(self, value: object) -> _Node:
        array = plain_array(value)
        node: dict[str, Any] = {"dtype": dtype_name(array.dtype), "shape": list(array.shape)}
        if self._beside is None:
            return node | {"data": _base64(raw_bytes(array))}
        self._beside.append(array)
        return node | {"buffer": len(self._beside) - 1}


def _is_plain(items: list[Any]) -> bool:
    """Whether a list is JSON as it is, for kinds where one look at all of it tells."""
    kinds: set[type[Any]] = set(map(type, items))
    if kinds == {float}:
        return all(map(math.isfinite, items))
    if kinds == {int}:
        return bool(min(items) >= _SMALLEST and max(items) <= _LARGEST)
    return kinds <= _STRICT


def _leaf(value: Any) -> _Node:
    """A number or text; where JSON has no word for it, the form of it."""
    if type(value) is int:
        if _SMALLEST <= value <= _LARGEST:
            return value
        if value.bit_length() >= 8 * MAX_INTEGER:
            raise SerializerError(f"an integer of more than {MAX_INTEGER} bytes can't be sent")
        return {"$int": str(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": _float_text(value)}
    return value if _encodable(value) else {f"${TEXT.name}": [{"$bytes": _base64(TEXT.parts(value)[0])}]}


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_object(value: dict[Any, Any]) -> bool:
    """Whether a dict can be a JSON object as it is, that no reader takes for a form."""
    if not all(type(key) is str and _encodable(key) for key in value):
        return False
    return len(value) != 1 or not next(iter(value)).startswith("$")


def _base64(data: Buffer) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def _float_text(value: float) -> str:
    """`inf`, `-inf` or `nan`; another NaN is told by its bits."""
    bits = struct.pack(">d", value)
    return bits.hex() if math.isnan(value) and bits != struct.pack(">d", math.nan) else repr(value)


class _Reader:
    """Turns the nodes of a peer to values, lists and objects in their own place."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def value(self, node: _Node, depth: int) -> Any:
        kind = kind_of(node)
        if kind in _LEAVES:
            return node
        if depth > _MAX_LEVELS:
            raise SerializerError(_TOO_DEEP)
        if kind is list:
            if not are_of(_LEAVES, node):
                for index, item in enumerate(node):
                    if type(item) not in _LEAVES:
                        node[index] = self.value(item, depth + 1)
            return node
        if len(node) == 1:
            ((name, content),) = node.items()
            if name.startswith("$"):
                return self._form(name[1:], content, depth)
        for key, item in node.items():
            if type(item) not in _LEAVES:
                node[key] = self.value(item, depth + 1)
        return node

    def _form(self, name: str, content: _Node, depth: int) -> Any:
        special = _SPECIAL.get(name)
        if special is not None:
            return special(self._reading, content)
        parts = [content] if type(content) is str else self.value(exact_list(content), depth + 1)
        return made(self._reading, name, parts)


def _read_tensor(reading: Reading, node: _Node) -> Any:
    fields: dict[str, Any] = dict(exact_dict(node))
    shape: list[Any] = exact_list(fields.pop("shape", None))
    dtype = fields.pop("dtype", None)
    if fields.keys() not in ({"data"}, {"buffer"}):
        raise SerializerError("not a valid tensor: it needs a dtype, a shape, and either data or a buffer")
    beside = "buffer" in fields
    raw = reading.buffer(fields["buffer"]) if beside else _read_bytes(reading, fields["data"])
    return make_array(reading.budget, raw, dtype, tuple(shape))


def _read_bytes(_: Reading, node: _Node) -> bytes:
    return binascii.a2b_base64(exact(node, str), strict_mode=True)


def _read_int(_: Reading, node: _Node) -> int:
    digits = exact(node, str)
    if len(digits) > _MAX_DIGITS:
        raise SerializerError(f"an integer of more than {_MAX_DIGITS} digits from a peer: refused")
    return int(digits)


def _read_float(_: Reading, node: _Node) -> float:
    text = exact(node, str)
    if text in {"inf", "-inf", "nan"}:
        return float(text)
    value: float = struct.unpack(">d", bytes.fromhex(text))[0]
    return value


_SPECIAL = {"tensor": _read_tensor, "bytes": _read_bytes, "int": _read_int, "float": _read_float}

"""The grammar of types in YAML: `T`, `optional T`, `list<T>`, `map<K, V>` and, for methods, `stream T`."""

from __future__ import annotations

import dataclasses
import re
from functools import cache

from oiafed_gen.diagnostics import suggestion
from oiafed_gen.model import Label
from oiafed_gen.provided import NATIVE

INTEGERS = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), (-(2**31), 2**31 - 1)),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), (-(2**63), 2**63 - 1)),
    **dict.fromkeys(("uint32", "fixed32"), (0, 2**32 - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (0, 2**64 - 1)),
}
"""The least and the greatest value of each integer type."""

SCALARS = frozenset(INTEGERS) | {"double", "float", "bool", "string", "bytes"}
MAP_KEYS = SCALARS - {"double", "float", "bytes"}

RESERVED = SCALARS | NATIVE.keys() | {"list", "map", "optional", "stream"}
"""The words of the language, which a schema cannot declare anew."""

HABITS = {
    "int": "int64",
    "integer": "int64",
    "long": "int64",
    "str": "string",
    "text": "string",
    "boolean": "bool",
    "number": "double",
    "byte": "bytes",
    "float32": "float",
    "float64": "double",
    "datetime": "timestamp",
    "timedelta": "duration",
    "dict": "map",
    "object": "any",
    "ndarray": "tensor",
}
"""What people write for a word of the language out of habit."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w.]*)|(\S))", re.ASCII)
_GENERIC = ("list", "map")


class TypeSyntaxError(Exception):
    """A type is not spelled as the grammar has it.

    Attributes:
        offset: Where in the text the mistake is, from 0.
    """

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TypeSyntax:
    """A type as written, its names not looked up yet.

    Attributes:
        name: The name of the type, of the list's items or of the map's values.
        offset: Where in the text that name is.
        key: The type of the map's keys.
    """

    name: str
    offset: int = 0
    label: Label = Label.SINGULAR
    key: str | None = None
    stream: bool = False


@cache  # a schema spells few types, and those often
def parse_type(text: str) -> TypeSyntax:
    """Return the type that `text` spells.

    Raises:
        TypeSyntaxError: The text is not a type.
    """
    tokens = _Tokens(text)
    parsed = _type(tokens)
    if tokens.peek() == "<" and parsed.label is Label.SINGULAR:
        hint = suggestion(parsed.name, _GENERIC) or "; only list and map do"
        raise TypeSyntaxError(parsed.offset, f"'{parsed.name}' does not take '<...>'{hint}")
    if tokens.peek():
        raise TypeSyntaxError(tokens.offset, f"unexpected '{tokens.peek()}' after the type")
    return parsed


class _Tokens:
    """The words and marks of a type, with the offset of each."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found = [(match.start(match.lastindex or 0), match[0].strip()) for match in _TOKEN.finditer(text)]
        self._next = 0

    @property
    def offset(self) -> int:
        """Where the next token starts."""
        return self._found[self._next][0] if self._next < len(self._found) else len(self._text)

    def peek(self) -> str:
        """Return the next token; "" at the end."""
        return self._found[self._next][1] if self._next < len(self._found) else ""

    def take(self) -> str:
        """Return the next token and pass it."""
        token = self.peek()
        self._next += 1
        return token

    def expect(self, mark: str, message: str) -> None:
        """Pass `mark`, or fail."""
        if self.peek() != mark:
            raise TypeSyntaxError(self.offset, message)
        self._next += 1


def _type(tokens: _Tokens) -> TypeSyntax:
    word = tokens.peek()
    if word in ("optional", "stream"):
        return _prefixed(tokens, word)
    if word == "list":
        return _list(tokens)
    if word == "map":
        return _map(tokens)
    return _name(tokens, "a type")


def _prefixed(tokens: _Tokens, word: str) -> TypeSyntax:
    start = tokens.offset
    tokens.take()
    if tokens.peek() in ("", ">", ","):
        raise TypeSyntaxError(start, f"'{word}' must be followed by a type")
    inner = _type(tokens)
    if inner.stream:
        raise TypeSyntaxError(inner.offset, f"'{word}' cannot be followed by 'stream'")
    if word == "stream":
        return dataclasses.replace(inner, stream=True)
    if inner.label is not Label.SINGULAR:
        raise TypeSyntaxError(start, "only a single value can be optional; an absent list or map is an empty one")
    return dataclasses.replace(inner, label=Label.OPTIONAL)


def _list(tokens: _Tokens) -> TypeSyntax:
    tokens.take()
    tokens.expect("<", "'list' must be followed by '<T>'")
    item = _item(tokens, "list")
    tokens.expect(">", _unclosed("list<T>"))
    return dataclasses.replace(item, label=Label.LIST)


def _map(tokens: _Tokens) -> TypeSyntax:
    tokens.take()
    tokens.expect("<", "'map' must be followed by '<K, V>'")
    start = tokens.offset
    key = _name(tokens, "the type of the map's keys").name
    if key not in MAP_KEYS:
        raise TypeSyntaxError(start, f"'{key}' cannot be a map's key; integers, bool and string can")
    tokens.expect(",", _unclosed("map<K, V>"))
    value = _item(tokens, "map")
    tokens.expect(">", _unclosed("map<K, V>"))
    return dataclasses.replace(value, label=Label.MAP, key=key)


def _item(tokens: _Tokens, container: str) -> TypeSyntax:
    """Parse what a list or map holds: a single type, since the wire has no nested containers."""
    word = tokens.peek()
    if word in (*_GENERIC, "optional", "stream"):
        raise TypeSyntaxError(tokens.offset, f"a {container} cannot hold '{word}'; put it into a type of its own")
    return _name(tokens, f"the type that the {container} holds")


def _name(tokens: _Tokens, what: str) -> TypeSyntax:
    offset = tokens.offset
    word = tokens.peek()
    if not (word[:1].isalpha() or word[:1] == "_"):
        raise TypeSyntaxError(offset, f"expected {what}" + (f", found '{word}'" if word else ""))
    tokens.take()
    return TypeSyntax(name=word, offset=offset)


def _unclosed(form: str) -> str:
    return f"expected '{form}'; inside {{...}} a type that has a comma must be quoted"

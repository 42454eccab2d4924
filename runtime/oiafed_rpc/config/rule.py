"""What a rule is: the check of a value, and the same said as JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Generic, TypeAlias, TypeVar

from oiafed_rpc.config.environment import Filled
from oiafed_rpc.config.problems import InvalidError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Schema: TypeAlias = Mapping[str, Any]
"""A part of a JSON Schema, draft 2020-12."""

VARIABLE: Schema = {"$ref": "#/$defs/variable"}
"""The schema of text with references to the environment, which may stand for any single value."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[T_co]):
    """What a value must be; put beside the type of a field: `port: Annotated[int, port]`.

    Attributes:
        check: Takes what was written and gives the value, or raises InvalidError. What it gave, it takes again and
            gives unchanged.
        schema: What it accepts in a file.
    """

    check: Callable[[object], T_co]
    schema: Schema

    def __call__(self, value: object) -> T_co:
        """The value. Raises: InvalidError."""
        return self.check(value)


def single(*accepted: Schema) -> Callable[[Callable[[object], T]], Rule[T]]:
    """Make a rule of the check of a single value. A file may have what a schema accepts, or a reference."""
    return lambda check: Rule(check, {"anyOf": [*accepted, VARIABLE]})


def like(pattern: str) -> Schema:
    """The schema of text that a regular expression matches from end to end."""
    return {"type": "string", "pattern": f"^{nameless(pattern)}$"}


def nameless(pattern: str) -> str:
    """A regular expression as JSON Schema knows them: groups have no names."""
    return re.sub(r"[?]P<\w+>", "", pattern)


def given(key: str) -> Schema:
    """The schema of a mapping that has a value for a key."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def shown(value: object) -> str:
    """A value as an error may tell of it: never what came from the environment, and never at length."""
    text = value.shown if isinstance(value, Filled) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def nearest(word: str, known: Sequence[str]) -> str:
    """` (did you mean 'x'?)` where one of the known words is near, else nothing."""
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def text(value: object) -> str:
    """The check of text, with something in it."""
    if not isinstance(value, str):
        raise InvalidError(f"must be text, not {shown(value)}: put it in quotes")
    if not value:
        raise InvalidError("must not be empty")
    return str(value)

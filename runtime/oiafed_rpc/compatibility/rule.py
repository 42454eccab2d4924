"""What can differ between two versions of a schema: the rules, and what one finds."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Level(enum.StrEnum):
    """Which form of a message a difference breaks: its bytes, or its JSON as well or alone."""

    WIRE = "wire"
    JSON = "json"


class Rule(enum.StrEnum):
    """Everything that is looked at, by name.

    The names of members that have one in buf's WIRE and WIRE_JSON categories say the same thing in other words.

    Attributes:
        level: The form that a difference breaks.
        live: Whether values arrive wrongly between nodes that run now; else the difference makes calls fail openly, or
            is a risk for later, when a number or name is used again.
        summary: What must hold.
    """

    level: Level
    live: bool
    summary: str

    def __new__(cls, value: str, level: Level, live: bool, summary: str) -> Rule:
        """Make a member with its attributes."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.level = level
        member.live = live
        member.summary = summary
        return member

    FIELD_TYPE = ("field-type", Level.WIRE, True, "a field's bytes are read as they were written")
    FIELD_CARDINALITY = ("field-cardinality", Level.WIRE, True, "a single field stays single, a repeated one repeated")
    FIELD_NUMBER = ("field-number", Level.WIRE, True, "a field keeps its number")
    FIELD_JOINS_ONEOF = ("field-joins-oneof", Level.WIRE, True, "fields that could be set together still can")
    FIELD_ENUM = ("field-enum", Level.WIRE, False, "an enum stays an enum, and an integer an integer")
    FIELD_ONEOF = ("field-oneof", Level.WIRE, False, "a field stays in its oneof, or outside of all")
    FIELD_ZERO = (
        "field-zero",
        Level.WIRE,
        False,
        "a field whose zero is not sent has no default other than zero elsewhere",
    )
    FIELD_REMOVED = ("field-removed", Level.WIRE, False, "the number of a field that is removed is reserved")
    ENUM_VALUE_NUMBER = ("enum-value-number", Level.WIRE, True, "a value of an enum keeps its number")
    ENUM_VALUE_REMOVED = ("enum-value-removed", Level.WIRE, False, "the number of a value that is removed is reserved")
    RESERVED_REMOVED = ("reserved-removed", Level.WIRE, False, "what is reserved stays reserved")
    METHOD_STREAM = ("method-stream", Level.WIRE, True, "requests and responses that are streams stay so")
    METHOD_REQUEST = ("method-request", Level.WIRE, True, "the request keeps its shape")
    METHOD_RESPONSE = ("method-response", Level.WIRE, True, "the response keeps its shape")
    METHOD_IDEMPOTENCY = ("method-idempotency", Level.WIRE, False, "a method that may run twice still may")
    METHOD_REMOVED = ("method-removed", Level.WIRE, False, "a method that is called stays there")
    SERVICE_REMOVED = ("service-removed", Level.WIRE, False, "a service that is called stays there")
    FIELD_NAME = ("field-name", Level.JSON, True, "a field keeps its name")
    FIELD_JSON_NAME = ("field-json-name", Level.JSON, True, "a field keeps its name in JSON")
    FIELD_JSON_TYPE = ("field-json-type", Level.JSON, True, "a field's JSON is read as it was written")
    FIELD_JSON_CARDINALITY = ("field-json-cardinality", Level.JSON, True, "a list stays a list, and a map a map")
    FIELD_NAME_REMOVED = ("field-name-removed", Level.JSON, False, "the name of a field that is removed is reserved")
    ENUM_VALUE_NAME = ("enum-value-name", Level.JSON, True, "a value of an enum keeps its name")
    ENUM_VALUE_ALIAS = ("enum-value-alias", Level.JSON, False, "a value of an enum keeps its further names")
    ENUM_VALUE_NAME_REMOVED = (
        "enum-value-name-removed",
        Level.JSON,
        False,
        "the name of an enum's value that is removed is reserved",
    )


class Difference(NamedTuple):
    """One thing by which two versions do not understand each other.

    Attributes:
        level: The form that it breaks.
        rule: What should have held.
        path: The full name of what differs: of a field, an enum's value, a method or a service. It is that of the newer
            version, where there it is; what was removed is named below what held it.
        old: How it is, or is written, in the older version: `int32`, `number 3`, `map`, or empty.
        new: The same in the newer version.
        message: The difference in a sentence without an end, for one who changed the schema.
    """

    level: Level
    rule: Rule
    path: str
    old: str
    new: str
    message: str


def difference(rule: Rule, path: str, old: str, new: str, message: str) -> Difference:
    """Return what a rule has found."""
    return Difference(rule.level, rule, path, old, new, message)

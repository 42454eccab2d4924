"""The JSON Schema of schema files in YAML, by which editors complete, explain and check them.

It is made of the readers' own tables. Whatever they take it takes; what only they can see, such as a name that is
declared nowhere, it does not see.
"""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from oiafed_gen.model import ENUM_NUMBERS, FIELD_NUMBERS
from oiafed_gen.provided import NATIVE
from oiafed_gen.reading.type_syntax import MAP_KEYS, RESERVED, SCALARS
from oiafed_gen.reading.yaml import keys
from oiafed_gen.reading.yaml.keys import Form, Keys

Schema: TypeAlias = dict[str, Any]

_WORD = "[A-Za-z_][A-Za-z0-9_]*"
_NAME = f"^{_WORD}$"
_TYPE_NAME = f"^(?!(?:{'|'.join(sorted(RESERVED))})$){_WORD}$"
_DOTTED = rf"{_WORD}(?:\.{_WORD})*"
_LIST, _MAP = rf"list\s*<\s*{_DOTTED}\s*>", rf"map\s*<\s*(?:{'|'.join(sorted(MAP_KEYS))})\s*,\s*{_DOTTED}\s*>"
_TYPE = rf"^\s*(?:stream\s+)?(?:{_LIST}|{_MAP}|(?:optional\s+)?\.?{_DOTTED})\s*$"
_SCALAR = ["string", "number", "boolean", "null"]  # text can look like any of them


def schema_text() -> str:
    """Return the JSON Schema as its file holds it."""
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A schema of oiafed-rpc",
        **_object(keys.FILE),
        "$defs": {
            "type": _type(),
            "types": _named(_TYPE_NAME, _or_nothing(_object(keys.RECORD))),
            "enums": _named(_TYPE_NAME, _enum()),
            "fields": _named(_NAME, _field()),
            "members": _named(_NAME, {"anyOf": [_field(), _object(keys.ONE_OF)]}),
            "roles": _named(_NAME, _or_nothing(_object(keys.ROLE))),
            "methods": _named(_NAME, _or_nothing(_object(keys.METHOD))),
            "values": _values(),
            "reserved": {"type": ["array", "null"], "items": {"type": ["integer", "string"]}},
        },
    }
    return json.dumps(schema, indent=2) + "\n"


def _object(known: Keys) -> Schema:
    properties = {name: {"description": key.doc, **_FORMS[key.form]} for name, key in known.items()}
    required = [name for name, key in known.items() if key.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _named(pattern: str, value: Schema) -> Schema:
    """Return the schema of declarations by name."""
    return {"type": ["object", "null"], "patternProperties": {pattern: value}, "additionalProperties": False}


def _or_nothing(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _type() -> Schema:
    """Return the schema of a type; the words are listed for completion."""
    words = sorted(SCALARS | NATIVE.keys())
    return {
        "type": ["string", "boolean"],
        "anyOf": [{"enum": words}, {"pattern": _TYPE}],
    }  # a type can be called `True`


def _field() -> Schema:
    return {"anyOf": [_reference("type"), _object(keys.FIELD)]}


def _enum() -> Schema:
    return {"anyOf": [{"type": "array", "items": _name()}, _object(keys.ENUM)]}


def _values() -> Schema:
    number = {"type": ["integer", "null"], "minimum": ENUM_NUMBERS[0], "maximum": ENUM_NUMBERS[1]}
    numbered = {"type": "object", "patternProperties": {_NAME: {"anyOf": [number, _object(keys.VALUE)]}}}
    return {"anyOf": [{"type": "array", "items": _name()}, {**numbered, "additionalProperties": False}]}


def _name() -> Schema:
    return {"type": ["string", "boolean", "null"], "pattern": _NAME}  # `on` and `off` are names as well


_FORMS: dict[Form, Schema] = {
    Form.DOTTED: {"type": "string", "pattern": rf"^\s*{_DOTTED}\s*$"},
    Form.TEXT: {"type": _SCALAR},
    Form.TRUTH: {"type": "boolean"},
    Form.SECONDS: {"type": "number", "exclusiveMinimum": 0},
    Form.NAMES: {"type": ["array", "null"], "items": {"type": "string"}},
    Form.DEFAULT: {"type": _SCALAR},
    Form.FIELD_NUMBER: {"type": "integer", "minimum": FIELD_NUMBERS[0], "maximum": FIELD_NUMBERS[1]},
    Form.VALUE_NUMBER: {"type": "integer", "minimum": ENUM_NUMBERS[0], "maximum": ENUM_NUMBERS[1]},
    Form.RESULT: {"anyOf": [_reference("type"), {"type": "null"}]},
    Form.RESERVED: _reference("reserved"),
    Form.ENUMS: _reference("enums"),
    Form.TYPES: _reference("types"),
    Form.ROLES: _reference("roles"),
    Form.METHODS: _reference("methods"),
    Form.FIELDS: _reference("fields"),
    Form.MEMBERS: _reference("members"),
    Form.TYPE: _reference("type"),
    Form.VALUES: _reference("values"),
}

"""The JSON Schema of a configuration's file, made of the rules and docstrings of the configuration itself."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import msgspec

from oiafed_rpc.config.environment import REFERENCE
from oiafed_rpc.config.model import NodeConfig
from oiafed_rpc.config.rule import Schema, nameless
from oiafed_rpc.config.section import Section, fields, is_list, named_section_of, section_of, written_types

_ENTRY = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def schema_text() -> str:
    """The schema as its file holds it."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of a node of oiafed-rpc",
        **_section(NodeConfig),
        "$defs": {
            "variable": {
                "type": "string",
                "pattern": nameless(REFERENCE),
                "description": "Text with ${VAR} or ${VAR:-default}, filled from the environment.",
            }
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _section(cls: type[Section]) -> Schema:
    known = msgspec.structs.fields(cls)
    texts = _attributes(cls)
    return {
        "type": "object",
        "properties": {field.name: _field(cls, field, texts[field.name]) for field in known},
        "required": [field.name for field in known if field.required],
        "additionalProperties": False,
        **cls.together,
    }


def _field(cls: type[Section], field: msgspec.structs.FieldInfo, text: str) -> Schema:
    annotation = written_types(cls)[field.name]
    section, named = section_of(annotation), named_section_of(annotation)
    schema = _section(section) if section else fields(cls)[field.name].schema
    if named:
        schema = {**schema, "additionalProperties": _section(named)}
    if section and is_list(annotation):
        schema = {"type": "array", "items": schema}
    default = {} if field.default in (msgspec.NODEFAULT, None) or section else {"default": field.default}
    return {"description": text, **default, **(schema if field.required else _or_nothing(schema))}


def _or_nothing(schema: Schema) -> Schema:
    """A key without a value counts as not given."""
    if "anyOf" in schema and "type" not in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _attributes(cls: type[Section]) -> dict[str, str]:
    """Field → what the docstring says of it, in one line."""
    _, _, listed = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")
    return {name: " ".join(text.split()) for name, text in _ENTRY.findall(listed)}

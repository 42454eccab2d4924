"""One mapping of the configuration as a frozen value whose fields carry their rules."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rule import Rule, Schema, nearest
from oiafed_rpc.config.rules import each, mapping

S = TypeVar("S", bound="Section")


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all parts of the configuration. Making one checks it.

    Raises:
        ConfigError: from its constructor, naming the field that is wrong.
    """

    example: ClassVar[str] = "{key: value}"
    """What to write, for the error where something else than a mapping was written."""

    together: ClassVar[Schema] = {}
    """What `conflicts` says, as far as JSON Schema can say it."""

    def __post_init__(self) -> None:
        """Check every field, however the value is made."""
        problems: dict[Path, str] = {}
        rules = fields(type(self))
        for name, default in _defaults(type(self)).items():
            value: object = getattr(self, name)
            try:
                if value is not None or default is not None:
                    msgspec.structs.force_setattr(self, name, rules[name](value))
            except InvalidError as error:
                problems |= error.under(name)
        problems = problems or self.conflicts()
        if problems:
            raise InvalidError(problems)

    def conflicts(self) -> dict[Path, str]:
        """What is wrong between fields that are right by themselves; path → problem."""
        return {}


@cache
def _defaults(cls: type[Section]) -> dict[str, object]:
    """Field → what it is when nobody gives it; to ask msgspec takes longer than to check."""
    return {field.name: field.default for field in msgspec.structs.fields(cls)}


@cache
def written_types(cls: type[Section]) -> dict[str, Any]:
    """Field → its annotation, in the order of the fields."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in msgspec.structs.fields(cls)}


@cache
def fields(cls: type[Section]) -> dict[str, Rule[Any]]:
    """Field → its rule, from the annotations of a section."""
    return {name: _rule(annotation) for name, annotation in written_types(cls).items()}


def section_of(annotation: object) -> type[Section] | None:
    """The section that an annotation names, by itself or as what a list is of, or None; not of a mapping's values."""
    candidates = () if get_origin(annotation) is Mapping else (annotation, *get_args(annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, Section)), None)


def named_section_of(annotation: object) -> type[Section] | None:
    """The section that the values of a mapping are, or None."""
    is_mapping = get_origin(annotation) is Mapping
    return next((each for part in get_args(annotation) if (each := section_of(part))), None) if is_mapping else None


def is_list(annotation: object) -> bool:
    """Whether an annotation is of a list."""
    return get_origin(annotation) is tuple


def _rule(annotation: object) -> Rule[Any]:
    named = named_section_of(annotation)
    if named is not None:
        return Rule(lambda value: _parse_named(named, value), {"type": "object"})
    section = section_of(annotation)
    if section is None:
        rules: list[Rule[Any]] = [extra for extra in get_args(annotation) if isinstance(extra, Rule)]
        return rules[0]
    rule = Rule(lambda value: value if isinstance(value, section) else parse(section, value), {"type": "object"})
    return each(rule) if is_list(annotation) else rule


def parse(cls: type[S], value: object) -> S:
    """Make a section of a mapping. A key without a value counts as not given.

    Raises:
        InvalidError: with every problem in it.
    """
    known = fields(cls)
    given = {key: item for key, item in mapping(value, cls.example).items() if item is not None or key not in known}
    found: dict[str, Any] = {}
    problems = _missing(cls, given)
    for key, item in given.items():
        try:
            found[key] = _rule_for(cls, key)(item)
        except InvalidError as error:
            problems |= error.under(key)
    if problems:
        raise InvalidError(problems)
    return cls(**found)


def _parse_named(cls: type[S], value: object) -> dict[str, S]:
    """Make sections of the values of a mapping, whose keys are names."""
    found: dict[str, S] = {}
    problems: dict[Path, str] = {}
    for name, item in mapping(value, f"{{name: {cls.example}}}").items():
        try:
            found[name] = item if isinstance(item, cls) else parse(cls, item)
        except InvalidError as error:
            problems |= error.under(name)
    if problems:
        raise InvalidError(problems)
    return found


def _missing(cls: type[Section], given: dict[str, object]) -> dict[Path, str]:
    required = (field.name for field in msgspec.structs.fields(cls) if field.required)
    return {(key,): "is missing: it is needed" for key in required if key not in given}


def _rule_for(cls: type[Section], key: str) -> Rule[Any]:
    """Raises: InvalidError, where the section has no such key."""
    known = fields(cls)
    if key in known:
        return known[key]
    raise InvalidError(f"unknown key{nearest(key, list(known))}; known here: {', '.join(known)}")

"""One mapping of the configuration as a frozen value whose fields carry their rules."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from oiafed_rpc.config.problems import InvalidError, Path
from oiafed_rpc.config.rules import Check, Rule, mapping, nearest

S = TypeVar("S", bound="Section")


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all parts of the configuration. Making one checks it.

    Raises:
        ConfigError: from its constructor, naming the field that is wrong.
    """

    example: ClassVar[str] = "{key: value}"
    """What to write, for the error where something else than a mapping was written."""

    later: ClassVar[tuple[str, ...]] = ()
    """Keys that the design knows and this version does not."""

    def __post_init__(self) -> None:
        """Check every field, however the value is made."""
        checked: dict[Path, str] = {}
        for key, check in checks(type(self)).items():
            value: object = getattr(self, key)
            try:
                if value is not None:
                    msgspec.structs.force_setattr(self, key, check(value))
            except InvalidError as error:
                checked |= error.under(key)
        checked = checked or self.conflicts()
        if checked:
            raise InvalidError(checked)

    def conflicts(self) -> dict[Path, str]:
        """What is wrong between fields that are right by themselves; path → problem."""
        return {}


@cache
def checks(cls: type[Section]) -> dict[str, Check]:
    """Field → its check, from the annotations of a section."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _check_of(hints[field.name]) for field in msgspec.structs.fields(cls)}


def _check_of(annotation: object) -> Check:
    if get_origin(annotation) is Annotated:
        return next(extra.check for extra in get_args(annotation) if isinstance(extra, Rule))
    candidates = (annotation, *get_args(annotation))
    inner = next(each for each in candidates if isinstance(each, type) and issubclass(each, Section))
    return lambda value: value if isinstance(value, inner) else parse(inner, value)


def parse(cls: type[S], value: object) -> S:
    """Make a section of a mapping. A key without a value counts as not given.

    Raises:
        InvalidError: with every problem in it.
    """
    known = checks(cls)
    given = {key: item for key, item in mapping(value, cls.example).items() if item is not None or key not in known}
    found: dict[str, Any] = {}
    problems = _missing(cls, given)
    for key, item in given.items():
        try:
            found[key] = _check_for(cls, key)(item)
        except InvalidError as error:
            problems |= error.under(key)
    if problems:
        raise InvalidError(problems)
    return cls(**found)


def _missing(cls: type[Section], given: dict[str, object]) -> dict[Path, str]:
    required = (field.name for field in msgspec.structs.fields(cls) if field.required)
    return {(key,): "is missing: it is needed" for key in required if key not in given}


def _check_for(cls: type[Section], key: str) -> Check:
    """Raises: InvalidError, where the section has no such key."""
    known = checks(cls)
    if key in known:
        return known[key]
    if key in cls.later:
        raise InvalidError("is not supported by this version yet: remove it")
    raise InvalidError(f"unknown key{nearest(key, list(known))}; known here: {', '.join(known)}")

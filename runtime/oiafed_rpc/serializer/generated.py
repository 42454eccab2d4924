"""The generated classes that this process has imported, by the full names that the schema gives them."""

from __future__ import annotations

from typing import Any

from oiafed_rpc.on_demand import import_expected
from oiafed_rpc.serializer.base import SerializerError, did_you_mean

_LONGEST = 200
_CLASSES: dict[str, type[Any]] = {}
_NAMES: dict[type[Any], str] = {}


def enter(full_name: str, cls: type[Any]) -> None:
    """Make a class known by its name; a later one of the same name takes its place."""
    _CLASSES[full_name] = cls
    _NAMES[cls] = full_name


def name_of(cls: type[Any]) -> str:
    """The full name of a record or enumeration.

    Raises:
        SerializerError: where a receiver could not find it by that name.
    """
    name = _NAMES.get(cls, "")
    if _CLASSES.get(name) is not cls:
        raise SerializerError(f"{cls.__qualname__} can't be sent: no generated message or method has it")
    return name


def class_named(name: str, base: type[Any]) -> type[Any]:
    """The class below `base` of a full name.

    Raises:
        SerializerError: where this process has imported none of that name.
    """
    if name not in _CLASSES:
        import_expected()
    cls = _CLASSES.get(name)
    if cls is None or not issubclass(cls, base):
        near = did_you_mean(name, _CLASSES)
        raise SerializerError(
            f"the type {name[:_LONGEST]!r} is not known here{near}: import the package that oiafed-gen made of it"
        )
    return cls

"""Generated packages whose modules are imported when one of their names is first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

_EXPECTED: list[ModuleType] = []  # the packages whose types nothing has been used of


def on_demand(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package: a schema can have hundreds of roles, and a node needs a few of them.

    What peers may name is known as soon as the package has been imported, for their names are looked up in its types.

    Args:
        package: The package's own `__name__`.
        modules: The names that each of its modules has for the package, by the module's name.
    """
    homes = {name: module for module, names in modules.items() for name in names}
    own = vars(sys.modules[package])
    own["__dir__"] = lambda: sorted({*own, *homes})  # for people who look around
    if "types" in modules:
        _EXPECTED.append(sys.modules[package])

    def attribute(name: str) -> Any:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        own[name] = getattr(import_module(f"{package}.{homes[name]}"), name)  # and never asked for again
        return own[name]

    return attribute


def import_expected() -> None:
    """Import the types of every package that has been imported without them: a peer has named one that is not known."""
    while _EXPECTED:
        package = _EXPECTED.pop()
        if sys.modules.get(package.__name__) is package:  # else it has been unloaded, and its files may be gone
            import_module(f"{package.__name__}.types")

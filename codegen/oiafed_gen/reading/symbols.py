"""The names that schema files declare, and looking them up."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator

from oiafed_gen.diagnostics import Location


class SymbolKind(enum.Enum):
    """What a name stands for."""

    MESSAGE = "a type"
    ERROR = "an error"
    ENUM = "an enum"
    ENUM_VALUE = "an enum value"
    SERVICE = "a service"

    @property
    def is_type(self) -> bool:
        """Whether fields can have it as their type, or methods raise it."""
        return self in (SymbolKind.MESSAGE, SymbolKind.ERROR, SymbolKind.ENUM)


@dataclasses.dataclass(frozen=True, slots=True)
class Symbol:
    """A declared name.

    Attributes:
        values: For an enum, each value as spelled in defaults and as named in proto.
    """

    full_name: str
    package: str
    kind: SymbolKind
    location: Location
    values: tuple[tuple[str, str], ...] = ()

    @property
    def short_name(self) -> str:
        """The name within its package."""
        return self.full_name.removeprefix(f"{self.package}.")


class Scope:
    """The types that one file can name.

    Args:
        symbols: What it declares itself, and what it imports.
        package: Its package.
        everywhere: What every file can name, but by full name only.
    """

    def __init__(self, symbols: Iterable[Symbol], package: str = "", everywhere: Iterable[Symbol] = ()) -> None:
        self._package = package
        self._named: dict[str, dict[str, Symbol]] = {}
        for symbol in symbols:
            if symbol.kind.is_type:
                for name in (symbol.full_name, symbol.short_name):
                    self._named.setdefault(name, {}).setdefault(symbol.full_name, symbol)
        for symbol in everywhere:
            self._named.setdefault(symbol.full_name, {}).setdefault(symbol.full_name, symbol)

    def find(self, name: str, outer: str = "") -> tuple[Symbol, ...]:
        """Return what `name` can mean: one symbol if all is well.

        Args:
            name: A full name, the name within a package, or within `outer` or a type around that.
            outer: The full name of the type that the name is used in, or of the package.
        """
        while len(outer) > len(self._package):
            nested = self._named.get(f"{outer}.{name}", {}).get(f"{outer}.{name}")
            if nested is not None:
                return (nested,)
            outer = outer.rpartition(".")[0]
        return tuple(self._named.get(name.removeprefix("."), {}).values())

    def names_within(self, outer: str) -> Iterator[str]:
        """Yield what is nested in the type `outer` and in those around it, by the names that it has inside them."""
        while len(outer) > len(self._package):
            prefix = f"{outer}."
            yield from (name.removeprefix(prefix) for name in self._named if name.startswith(prefix))
            outer = outer.rpartition(".")[0]

    @property
    def names(self) -> Iterable[str]:
        """Every name that can be looked up."""
        return self._named.keys()

    @property
    def errors(self) -> list[str]:
        """The names of what is certainly an error."""
        return [name for name, found in self._named.items() if {s.kind for s in found.values()} == {SymbolKind.ERROR}]

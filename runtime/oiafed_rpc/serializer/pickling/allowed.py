"""The classes and functions that a pickle may name, beside the toolkit's own factories."""

from __future__ import annotations

import fnmatch
import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from oiafed_rpc.serializer.base import SerializerError

_LONGEST = 500


class Allowed:
    """What the user allows by pattern.

    Args:
        patterns: Such as `mypackage.*`, matched against the module and the qualified name.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(patterns)

    def _match(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._patterns)

    def covers(self, kind: type[Any]) -> bool:
        """Whether instances of a class are the user's choice."""
        return bool(self._patterns) and self._match(f"{kind.__module__}.{kind.__qualname__}")

    def find(self, module: str, name: str) -> Any:
        """The class or function of a name, imported where it is allowed.

        Raises:
            SerializerError: naming what is not allowed; nothing was imported then. A name that leads into another
                module is what it is there: `mypackage.os.system` is `posix.system`.
        """
        full = f"{module}.{name}"
        if len(full) > _LONGEST or not self._match(full):
            raise refusal(full)
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
            if isinstance(found, ModuleType):
                raise refusal(full)
        true_name = f"{getattr(found, '__module__', None)}.{getattr(found, '__qualname__', None)}"
        if true_name != full and not self._match(true_name):
            raise refusal(true_name)
        return found


def refusal(name: str) -> SerializerError:
    """The error for a name that is not allowed."""
    return SerializerError(
        f"{name[:_LONGEST]} is not allowed in a pickle from a peer; if it is safe to build from any arguments, "
        f"add it to transport.pickle_allow"
    )


def loaded(module: str, name: str) -> type[Any] | None:
    """A class by its own name in a module that this process has imported already; runs no code to find it."""
    home = sys.modules.get(module)
    if not isinstance(home, ModuleType):
        return None
    inside: Mapping[str, Any] = object.__getattribute__(home, "__dict__")
    found: Any = None
    for part in name.split("."):
        found = inside.get(part)
        if not isinstance(found, type):
            return None
        inside = vars(found)
    return found if (found.__module__, found.__qualname__) == (module, name) else None

"""Who calls whom: the roles of a schema, and the methods that each keeps for certain callers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from oiafed_gen.model import File

ANYONE: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """The methods of a role that the same roles may call; `callers` is empty where all may."""

    callers: tuple[str, ...]
    methods: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Calls:
    """The groups of each role by its name; a role that only calls has none."""

    groups: dict[str, tuple[Group, ...]]

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Each caller with each role that it is named by, once, sorted."""
        pairs = {(caller, role) for role, groups in self.groups.items() for g in groups for caller in g.callers}
        return tuple(sorted(pairs))

    def methods(self, caller: str, role: str) -> tuple[str, ...]:
        """Return the methods of a role that name a caller."""
        return tuple(name for group in self.groups[role] if caller in group.callers for name in group.methods)

    def around(self, role: str) -> Calls:
        """Return what concerns one role alone: its own methods, those that it calls, and who calls it."""
        kept = {role: self.groups[role]}
        for caller, target in self.edges:
            if role == caller and role != target:
                groups = tuple(group for group in self.groups[target] if role in group.callers)
                kept[target] = tuple(Group((role,), group.methods) for group in groups)
            elif role == target:
                kept.setdefault(caller, ())
        return Calls(dict(sorted(kept.items())))


def calls(files: Sequence[File]) -> Calls:
    """Return who calls whom. Roles of one name are one role, whichever package they are of."""
    methods: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for role in (role for file in files for role in file.roles):
        groups = methods.setdefault(role.name, {})
        for method in role.methods:
            callers = tuple(sorted({caller.name for caller in method.callers}))
            groups.setdefault(callers, []).append(method.name)
            for caller in callers:
                methods.setdefault(caller, {})
    return Calls({role: _groups(methods[role]) for role in sorted(methods)})


def _groups(methods: dict[tuple[str, ...], list[str]]) -> tuple[Group, ...]:
    """Return the groups, the one that is open to all first."""
    return tuple(Group(callers, tuple(dict.fromkeys(methods[callers]))) for callers in sorted(methods))

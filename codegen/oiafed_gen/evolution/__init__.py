"""What a change of the schema breaks: nodes in the field, their JSON, and Python code that uses what is generated."""

from __future__ import annotations

from collections.abc import Collection

from oiafed_gen.diagnostics import Diagnostic
from oiafed_gen.evolution.breaches import Level, diagnostics_of
from oiafed_gen.evolution.packages import package_breaches
from oiafed_gen.evolution.places import Places
from oiafed_gen.evolution.source import source_breaches
from oiafed_gen.evolution.wire import wire_breaches
from oiafed_gen.generate import Resolved

__all__ = ["Level", "compare"]


def compare(old: Resolved, new: Resolved, levels: Collection[Level] = tuple(Level)) -> tuple[Diagnostic, ...]:
    """Return everything by which `new` breaks users of `old`, at its place in `new`; adding breaks almost nothing.

    Args:
        old: The schema as it was.
        new: The schema as it is.
        levels: What must not break.
    """
    places = Places(new)
    found = [*package_breaches(old.schema.files, new.schema.files)]
    gone = {file.package for file in old.schema.files} - {file.package for file in new.schema.files}
    rest = [*wire_breaches(old, new, places), *source_breaches(old, new, places)]
    found += [breach for breach in rest if not any(breach.path.startswith(f"{package}.") for package in gone)]
    return diagnostics_of(found, levels)

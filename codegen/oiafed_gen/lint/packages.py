"""Packages have a version, so that an incompatible one can stand beside the old one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oiafed_gen.diagnostics import Location
from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding

_VERSION = re.compile(r"v\d+((alpha|beta)\d*)?")


def unversioned(resolved: Resolved) -> Iterator[Finding]:
    """Yield files whose package does not end in a version."""
    for file in resolved.schema.files:
        if not _VERSION.fullmatch(file.package.rpartition(".")[2]):
            named = f"the package '{file.package}'" if file.package else "this file, which has no package,"
            better = f"{file.package or file.python}.v1"
            yield Finding(Location(file.path), f"{named} has no version; call it '{better}'")

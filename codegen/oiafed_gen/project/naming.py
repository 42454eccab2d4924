"""Names for a new project, from the name of its folder or as they are given."""

from __future__ import annotations

import re
import unicodedata

from oiafed_gen.python.names import escape_top_level

_FOLDERS = frozenset(["config", "schema", "tests"])
_PREFIX = "fl_"


def package_of(folder: str) -> str:
    """Return the name of a Python package, made of a folder's name."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if not name:
        return "federation"
    return name if problem_with(name) is None else _PREFIX + name


def problem_with(package: str) -> str | None:
    """Return why a project's package cannot have this name; None where it can."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", package):
        return "it must be lower-case letters, digits and '_', a letter first"
    if package in _FOLDERS:
        return "the project has another folder of that name"
    if escape_top_level(package) != package:
        return "Python, or a package that the project needs, has that name"
    return None


def distribution_of(package: str) -> str:
    """Return the name of a distribution that has the package."""
    return re.sub(r"_+", "-", package).strip("-")

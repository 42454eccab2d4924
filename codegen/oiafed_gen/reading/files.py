"""What must hold for a file by itself, in whatever form it comes."""

from __future__ import annotations

import re

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems

LONGEST_PACKAGE = 200  # characters
_MODULE_PATH = re.compile(r"(?:[A-Za-z_][\w-]*/)*[A-Za-z_][\w.-]*", re.ASCII)


def check_path(path: str, problems: Problems) -> None:
    """Report a .proto file whose name no Python module can have."""
    if not _MODULE_PATH.fullmatch(path):
        message = "Python cannot import such a path; use letters, digits, '-' and '_', and letters first"
        problems.add(Location(path), Code.FILE_NAME, message)


def check_package(path: str, package: str, provided: set[str], problems: Problems) -> None:
    """Report a file whose package is provided, or has a longer name than folders can have."""
    if len(package) > LONGEST_PACKAGE:
        problems.add(Location(path), Code.BAD_NAME, too_long("the package", package))
    if package in provided:
        message = f"the package '{package}' is provided; choose another"
        problems.add(Location(path), Code.PROVIDED_PACKAGE, message)


def too_long(what: str, package: str) -> str:
    """Return what is said of a package whose name is too long."""
    return f"{what} has {len(package)} characters, and names folders; {LONGEST_PACKAGE} at most"


def is_proto3(syntax: str, location: Location, problems: Problems) -> bool:
    """Whether a .proto file is of the only kind that is supported; reports where it is not."""
    if syntax == "proto3":
        return True
    kind = "edition" if syntax[:1].isdigit() else "syntax"
    found = f"{kind} '{syntax}'" if syntax else "no syntax, which means 'proto2'"
    problems.add(location, Code.PROTO_SYNTAX, f'only syntax = "proto3" is supported; this file has {found}')
    return False

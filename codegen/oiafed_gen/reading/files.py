"""What must hold for a file by itself, in whatever form it comes."""

from __future__ import annotations

import re

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems

_MODULE_PATH = re.compile(r"(?:[A-Za-z_][\w-]*/)*[A-Za-z_][\w.-]*", re.ASCII)


def check_path(path: str, problems: Problems) -> None:
    """Report a .proto file whose name no Python module can have."""
    if not _MODULE_PATH.fullmatch(path):
        message = "Python cannot import such a path; use letters, digits, '-' and '_', and letters first"
        problems.add(Location(path), Code.FILE_NAME, message)


def check_package(path: str, package: str, provided: set[str], problems: Problems) -> None:
    """Report a file whose package is provided."""
    if package in provided:
        message = f"the package '{package}' is provided; choose another"
        problems.add(Location(path), Code.PROVIDED_PACKAGE, message)


def is_proto3(syntax: str, location: Location, problems: Problems) -> bool:
    """Whether a .proto file is of the only kind that is supported; reports where it is not."""
    if syntax == "proto3":
        return True
    kind = "edition" if syntax[:1].isdigit() else "syntax"
    found = f"{kind} '{syntax}'" if syntax else "no syntax, which means 'proto2'"
    problems.add(location, Code.PROTO_SYNTAX, f'only syntax = "proto3" is supported; this file has {found}')
    return False

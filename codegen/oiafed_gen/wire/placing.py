"""Protoc's `_pb2.py` and mypy-protobuf's `_pb2.pyi`, made to work in the package where they are put.

Both name what they import by the place of its .proto file. Here their imports become relative ones, or those of
the runtime's own modules, so that the output works at any depth of folders.
"""

from __future__ import annotations

import re

from oiafed_gen.model import File
from oiafed_gen.python.scope import relative
from oiafed_gen.python.table import Table
from oiafed_gen.wire.head import split_head
from oiafed_gen.wire.modules import protoc_module

_FROM = re.compile(r"^from (?P<package>[\w.]+) import (?P<module>\w+_pb2)(?P<rest>.*)$", re.MULTILINE)
_IMPORT = re.compile(r"^import (?P<module>\w+_pb2)(?P<rest>.*)$", re.MULTILINE)
_NAMES = re.compile(r"^from (?P<module>[\w.]+_pb2) import (?P<rest>.*)$", re.MULTILINE)
_DYNAMIC = re.compile(r"^(?P<alias>\w+) = importlib\.import_module\('(?P<module>[\w.]+)'\)$", re.MULTILINE)


def place_module(table: Table, file: File, text: str) -> str:
    """Return the text of a file's `_pb2.py` or `_pb2.pyi` as it stands in the generated package."""
    replace = _Replace(table, file, dependencies(table, file))
    head, body = split_head(text)
    head = _DYNAMIC.sub(replace.dynamic, head)
    head = _FROM.sub(replace.from_import, head)
    head = _IMPORT.sub(replace.plain_import, head)
    return _NAMES.sub(replace.names, head) + body


def dependencies(table: Table, file: File) -> dict[str, str]:
    """Return the proto names of what a file imports by the module names that protoc gives them."""
    by_name = {other.proto_name: other for other in table.files}
    found: dict[str, str] = {}
    ahead = list(file.imports)
    while ahead:
        name = ahead.pop()
        if protoc_module(name) not in found:
            found[protoc_module(name)] = name
            ahead.extend(by_name[name].imports if name in by_name else ())
    return found


class _Replace:
    """Rewrites the import statements of one file."""

    def __init__(self, table: Table, file: File, known: dict[str, str]) -> None:
        self._known = known
        self._table = table
        self._here = table.wire_module(file.proto_name).package or ()

    def dynamic(self, match: re.Match[str]) -> str:
        """Replace the import of a module whose name has a keyword in it."""
        return self._statement(match["module"], f" as {match['alias']}") or match[0]

    def from_import(self, match: re.Match[str]) -> str:
        """Replace `from a.b import c_pb2 as d`."""
        return self._statement(f"{match['package']}.{match['module']}", match["rest"]) or match[0]

    def plain_import(self, match: re.Match[str]) -> str:
        """Replace `import c_pb2 as d`."""
        return self._statement(match["module"], match["rest"]) or match[0]

    def names(self, match: re.Match[str]) -> str:
        """Replace `from a.b.c_pb2 import ...`."""
        place = self._place(match["module"])
        if place is None:
            return match[0]
        package, module = place
        return f"from {package}{'' if package.endswith('.') else '.'}{module} import {match['rest']}"

    def _statement(self, module: str, rest: str) -> str | None:
        place = self._place(module)
        return place and f"from {place[0]} import {place[1]}{rest}"

    def _place(self, module: str) -> tuple[str, str] | None:
        """Return the package, as it is named here, and the module that hold what protoc calls `module`."""
        proto_name = self._known.get(module)
        if proto_name is None:
            return None
        found = self._table.wire_module(proto_name)
        package = found.provided if found.package is None else relative(self._here, found.package)
        return package, found.name

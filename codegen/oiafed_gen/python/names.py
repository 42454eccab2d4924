"""The one place that decides what a schema's names become in Python.

A name that Python, or generated code around it, has another use for gets trailing underscores until it is free.
Two names that end up the same are a mistake at the second. Names on the wire never change.
"""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Iterable

from google.protobuf.message import Message

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Location, Problems

ALIASES = frozenset(
    (
        *("_abstractmethod", "_AsyncIterator", "_Awaitable", "_Iterator"),
        *("_blocking", "_builtins", "_dataclasses", "_datetime", "_rpc", "_testing", "_types", "_typing"),
    )
)
"""The names that generated modules import for their own use."""

# Additions and removals by Python's versions, so that the output does not depend on which one generates.
_BUILTINS = frozenset(dir(builtins)) | {"PythonFinalizationError"}
_REMOVED_MODULES = (
    "aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib "
    "ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib annotationlib compression"
)
_INSTALLED = {"google", "grpc", "ml_dtypes", "msgspec", "numpy", "oiafed_gen", "oiafed_rpc", "yaml", "zstandard"}
_TOP_LEVEL = sys.stdlib_module_names | set(_REMOVED_MODULES.split()) | _INSTALLED

MESSAGE_ATTRIBUTES = frozenset(name for name in dir(Message) if not name.startswith("__")) | {
    "DESCRIPTOR",
    "Extensions",
}
"""What means something of its own in every protobuf message, whatever its fields and nested types are called."""

SYSTEM_PACKAGE = "oiafed_rpc.system"
"""The one generated package that is part of the runtime."""

SUBMODULES = frozenset(["blocking", "testing", "types", "wire"])
TYPE_RESERVED = _BUILTINS | ALIASES | SUBMODULES | {"annotations"}
NESTED_RESERVED = _BUILTINS | ALIASES
FIELD_RESERVED = ALIASES | {"self"}  # fields can be a method's parameters, which have the same names
PARAMETER_RESERVED = frozenset(["self"])
ERROR_FIELD_RESERVED = ALIASES | {
    *("message", "code", "details", "args", "with_traceback", "add_note", "self", "super"),
}
METHOD_RESERVED = ALIASES | {
    *("call", "stream", "target", "targets", "with_options", "broadcast", "collect", "as_they_come"),
    "_abc_impl",  # what ABCMeta keeps in each class
}
MEMBER_RESERVED = ALIASES | {
    # Attributes of int and of Enum, which members would hide.
    *("as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "imag", "is_integer"),
    *("mro", "name", "numerator", "real", "to_bytes", "value"),
}


def escape(name: str, reserved: Iterable[str]) -> str:
    """Return `name`, with as many trailing underscores as make it free for use."""
    while name in reserved or _unusable(name):
        name += "_"
    return name


def _unusable(name: str) -> bool:
    """Whether Python reads the name in a way of its own wherever it stands."""
    if keyword.iskeyword(name) or name.endswith("_pb2"):
        return True
    if name.startswith("_rpc_") and not name.endswith("_"):  # what the runtime's classes keep for themselves
        return True
    if name.startswith("__"):
        # Dunders, what a class body would mangle, and what pyright takes for a parameter without a name.
        return not name.endswith("___") or len(name) < 5
    return name.startswith("_") and name.endswith("_") and not name.endswith("__")  # what Enum keeps for itself


def assign(
    names: Iterable[tuple[str, Location]], reserved: Iterable[str], scope: str, problems: Problems
) -> dict[str, str]:
    """Return the Python name of each schema name; report those that end up the same.

    Args:
        names: Distinct names of one scope, and where each is declared.
        reserved: What must not be used here.
        scope: What the names belong to, for the message.
        problems: Takes the clashes.
    """
    assigned: dict[str, str] = {}
    owners: dict[str, str] = {}
    for name, location in names:
        python = escape(name, reserved)
        owner = owners.setdefault(python, name)
        if owner != name:
            problems.add(
                location, Code.PYTHON_NAME_CLASH, f"'{name}' and '{owner}' are both '{python}' in Python, in {scope}"
            )
        assigned[name] = python
    return assigned


def package_path(dotted: str) -> tuple[str, ...]:
    """Return the folders of a Python package."""
    if dotted == SYSTEM_PACKAGE:
        return tuple(dotted.split("."))
    first, *rest = dotted.split(".")
    return (escape_top_level(first), *(escape(part, SUBMODULES) for part in rest))


def escape_top_level(name: str) -> str:
    """Return the name of a top-level package, with trailing underscores where another package has it."""
    return escape(name, _TOP_LEVEL)


def module_name(stem: str) -> str:
    """Return a file's stem as part of a module's name."""
    spelled = "".join(character if character.isalnum() and character.isascii() else "_" for character in stem)
    return f"_{spelled}" if spelled[:1].isdigit() else spelled


def free(name: str, taken: Iterable[str]) -> str:
    """Return `name`, with as many trailing underscores as tell it from those taken."""
    while name in taken:
        name += "_"
    return name

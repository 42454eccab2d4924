"""Mends what pyright in strict mode, and mypy, find wrong with the modules that protoc and mypy-protobuf write.

Each change keeps what the module does; some make a type wider than it could be.
"""

from __future__ import annotations

import re
from collections import Counter

from oiafed_gen.python.names import free

_MODULE_CHANGES = (
    # The classes' `__module__` is where they can really be imported from.
    (re.compile(r"(BuildTopDescriptorsAndMessages\(DESCRIPTOR, )'[^']*'"), r"\1__name__"),
    # What public imports are for: names of one module in another, looked for in places where nothing is any more.
    (re.compile(r"^try:\n  (\w+) = .*\nexcept AttributeError:\n  \1 = .*\n", re.MULTILINE), ""),
    (re.compile(r"^from \S+_pb2 import \*\n", re.MULTILINE), ""),
    # A private name of protobuf's.
    (re.compile(r"\b_descriptor\._USE_C_DESCRIPTORS\b"), '_descriptor.__dict__["_USE_C_DESCRIPTORS"]'),
)
_STUB_CHANGES = (
    # Narrower than in the base class, where it is mutable.
    (re.compile(r"^ +DESCRIPTOR: _descriptor\.(Enum)?Descriptor\n\n?", re.MULTILINE), ""),
    # A branch for versions of Python that are not supported, in which a message could not be called `sys`.
    (re.compile(r"^if sys\.version_info >= \(3, 1[01]\):\n    (.*\n)else:\n.*\n", re.MULTILINE), r"\1"),
    (re.compile(r"^import sys\n", re.MULTILINE), ""),
    # Private names of protobuf's stubs.
    (re.compile(r"\b_enum_type_wrapper\._EnumTypeWrapper\[[\w.]+\]"), "_enum_type_wrapper.EnumTypeWrapper"),
    (re.compile(r"\b\w+\._ExtensionFieldDescriptor\[.*\]$", re.MULTILINE), "_typing.Any"),
)
_IMPORT = re.compile(r"^(from \.\S* import (\w+_pb2)|from \S+ import (\w+_pb2)) as (\w+)$", re.MULTILINE)
_STUB_IMPORT = re.compile(r"^from \S+ import \w+ as (\w+)\n", re.MULTILINE)
_IMPORTS = re.compile(r"^(?:from|import) .*", re.MULTILINE)
_NUMBERS = re.compile(r"(?:^ +\w+_FIELD_NUMBER: _builtins\.int\n)+", re.MULTILINE)
_WORD = re.compile(r"\w+")
_TYPING = "import typing as _typing\n"


def clean_module(text: str) -> str:
    """Return the text of a `_pb2.py`, mended."""
    for pattern, replacement in _MODULE_CHANGES:
        text = pattern.sub(replacement, text)
    if "importlib." not in text:
        text = text.replace("import importlib\n", "")
    words = Counter(_WORD.findall(text))
    return _IMPORT.sub(lambda match: _side_effect_import(match, words), text)


def clean_stub(text: str) -> str:
    """Return the text of a `_pb2.pyi`, mended."""
    for pattern, replacement in _STUB_CHANGES:
        text = pattern.sub(replacement, text)
    if "_typing." in text and _TYPING not in text:
        text = re.sub(r"^(from|import) ", rf"{_TYPING}\1 ", text, count=1, flags=re.MULTILINE)
    text = _NUMBERS.sub(_each_once, text)
    for alias in re.findall(r"(?<= as )\w+", "\n".join(_IMPORTS.findall(text))):
        text = _apart(text, alias)
    words = Counter(_WORD.findall(text))
    return _STUB_IMPORT.sub(lambda match: match[0] if words[match[1]] > 1 else "", text)


def _side_effect_import(match: re.Match[str], words: Counter[str]) -> str:
    """Return an import that says that it is on purpose where nothing uses it: it registers what it imports."""
    statement, alias = match[1], match[4]
    if words[alias] > 1:
        return match[0]
    return f"{statement} as {match[2] or match[3]}"


def _each_once(match: re.Match[str]) -> str:
    """Return the numbers of fields without those that come again: names that differ in case share one."""
    return "".join(dict.fromkeys(match[0].splitlines(keepends=True)))


def _apart(text: str, alias: str) -> str:
    """Return a stub in which no class that helps an enum is called like an import, as that of an enum `message` is."""
    if f"class {alias}:" not in text:
        return text
    helper = rf"\b{alias}(?=:$|\.ValueType\b|, metaclass=)"
    return re.sub(helper, free(f"{alias}_", _WORD.findall(text)), text, flags=re.MULTILINE)

"""Mends what pyright in strict mode, and mypy, find wrong with the modules that protoc and mypy-protobuf write.

Each change keeps what the module does; some make a type wider than it could be.
"""

from __future__ import annotations

import keyword
import re

from oiafed_gen.python.names import free
from oiafed_gen.wire.head import split_head

_MODULE_CHANGES = (
    # The classes' `__module__` is where they can really be imported from.
    (re.compile(r"(BuildTopDescriptorsAndMessages\(DESCRIPTOR, )'[^']*'"), r"\1__name__"),
    # A private name of protobuf's.
    (re.compile(r"_descriptor\._USE_C_DESCRIPTORS\b"), '_descriptor.__dict__["_USE_C_DESCRIPTORS"]'),
)
_MODULE_HEAD_CHANGES = (
    # What public imports are for: names of one module in another, looked for in places where nothing is any more.
    (re.compile(r"^try:\n  (\w+) = .*\nexcept AttributeError:\n  \1 = .*\n", re.MULTILINE), ""),
    (re.compile(r"^from \S+_pb2 import \*\n", re.MULTILINE), ""),
)
_STUB_HEAD_CHANGES = (
    # A branch for versions of Python that are not supported, in which a message could not be called `sys`.
    (re.compile(r"^if sys\.version_info >= \(3, 1[01]\):\n    (.*\n)else:\n.*\n", re.MULTILINE), r"\1"),
    (re.compile(r"^import sys\n", re.MULTILINE), ""),
)
# These texts can be long: a pattern that starts with a fixed text, not with a word's start, is found many times faster.
_STUB_CHANGES = (
    # What mypy-protobuf calls a type whose name is a keyword; modules that import it must not name what is private.
    (re.compile(rf"_r_(?<!\w_r_)({'|'.join(keyword.kwlist)})\b"), r"\1_"),
    # Narrower than in the base class, where it is mutable.
    (re.compile(r"\n +DESCRIPTOR: _descriptor\.(?:Enum)?Descriptor\n\n?"), "\n"),
    # A private name of protobuf's stubs.
    (re.compile(r"_enum_type_wrapper\._EnumTypeWrapper\[[\w.]+\]"), "_enum_type_wrapper.EnumTypeWrapper"),
)
_EXTENSION = re.compile(r"\b\w+\._ExtensionFieldDescriptor\[.*\]$", re.MULTILINE)  # another, and seldom there
_IMPORT = re.compile(r"^(from \.\S* import (\w+_pb2)|from \S+ import (\w+_pb2)) as (\w+)$", re.MULTILINE)
_STUB_IMPORT = re.compile(r"^from \S+ import \w+ as (\w+)\n", re.MULTILINE)
_IMPORTS = re.compile(r"^(?:from|import) .*", re.MULTILINE)
_NUMBER = r"\n +[A-Z_]\w*_FIELD_NUMBER: _builtins\.int"
_NUMBERS = re.compile(f"{_NUMBER}(?:{_NUMBER})+")
_WORD = re.compile(r"\w+")
_TYPING = "import typing as _typing\n"


def clean_module(text: str) -> str:
    """Return the text of a `_pb2.py`, mended."""
    for pattern, replacement in _MODULE_CHANGES:
        text = pattern.sub(replacement, text)
    if "importlib." not in text:
        text = text.replace("import importlib\n", "")
    head, body = split_head(text)
    for pattern, replacement in _MODULE_HEAD_CHANGES:
        head = pattern.sub(replacement, head)
    whole = head + body
    return _IMPORT.sub(lambda match: _side_effect_import(match, whole), head) + body


def clean_stub(text: str) -> str:
    """Return the text of a `_pb2.pyi`, mended."""
    for pattern, replacement in _STUB_CHANGES:
        text = pattern.sub(replacement, text)
    if "._ExtensionFieldDescriptor" in text:
        text = _EXTENSION.sub("_typing.Any", text)
    head, body = split_head(text)
    for pattern, replacement in _STUB_HEAD_CHANGES:
        head = pattern.sub(replacement, head)
    if "_typing." in body and _TYPING not in head:
        head = re.sub(r"^(from|import) ", rf"{_TYPING}\1 ", head, count=1, flags=re.MULTILINE)
    body = _NUMBERS.sub(_each_once, body)
    for alias in re.findall(r"(?<= as )\w+", "\n".join(_IMPORTS.findall(head))):
        body = _apart(body, alias)
    whole = head + body
    return _STUB_IMPORT.sub(lambda match: match[0] if _is_used(match[1], whole) else "", head) + body


def _side_effect_import(match: re.Match[str], text: str) -> str:
    """Return an import that says that it is on purpose where nothing uses it: it registers what it imports."""
    statement, alias = match[1], match[4]
    if _is_used(alias, text):
        return match[0]
    return f"{statement} as {match[2] or match[3]}"


def _each_once(match: re.Match[str]) -> str:
    """Return the numbers of fields without those that come again: names that differ in case share one."""
    return "\n".join(dict.fromkeys(match[0].split("\n")))


def _apart(text: str, alias: str) -> str:
    """Return a stub in which no class that helps an enum is called like an import, as that of an enum `message` is."""
    if f"class {alias}:" not in text:
        return text
    helper = rf"\b{alias}(?=:$|\.ValueType\b|, metaclass=)"
    return re.sub(helper, free(f"{alias}_", _WORD.findall(text)), text, flags=re.MULTILINE)


def _is_used(name: str, text: str) -> bool:
    """Whether an imported name is to be found once more."""
    if text.count(name) < 2:
        return False
    found = re.finditer(rf"{name}(?<!\w{name})\b", text)
    return next(found, None) is not None and next(found, None) is not None

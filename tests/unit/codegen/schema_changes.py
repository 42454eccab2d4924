"""Single changes of .proto files, by name: a line of a file before and after, in which `@` stands for a number."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

Change = tuple[str, str]

SCALARS = (
    *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64"),
    *("fixed32", "fixed64", "sfixed32", "sfixed64", "bool", "string", "bytes"),
)
TYPES = (*SCALARS, "E", "F", "N", "O")
KEYS = tuple(type_ for type_ in SCALARS if type_ not in ("double", "float", "bytes"))

_HEAD = """syntax = "proto3";
package p{}.v1;
enum E {{ E_ZERO = 0; E_ONE = 1; }}
enum F {{ F_ZERO = 0; F_ONE = 1; }}
message N {{ int32 a = 1; }}
message O {{ string b = 1; }}
message P {{ int32 a = 1; int64 c = 2; }}
"""
_FORMS = ("{} x = 1;", "optional {} x = 1;", "repeated {} x = 1;", "map<string, {}> x = 1;", "oneof o {{ {} x = 1; }}")

_FIELDS = {
    "renamed": ("int32 x = 1;", "int32 y = 1;"),
    "renamed, JSON's name kept": ("int32 x = 1;", 'int32 y = 1 [json_name = "x"];'),
    "JSON's name": ("int32 x = 1;", 'int32 x = 1 [json_name = "z"];'),
    "JSON's name, spelled out": ("int32 x_y = 1;", 'int32 x_y = 1 [json_name = "xY"];'),
    "renumbered": ("int32 x = 1;", "int32 x = 2;"),
    "renumbered and reserved": ("int32 x = 1;", "int32 x = 2; reserved 1;"),
    "swapped": ("int32 x = 1; string y = 2;", "int32 x = 2; string y = 1;"),
    "swapped, of one type": ("int32 x = 1; int32 y = 2;", "int32 x = 2; int32 y = 1;"),
    "in another order": ("int32 x = 1; int32 y = 2;", "int32 y = 2; int32 x = 1;"),
    "added": ("", "int32 x = 1;"),
    "removed": ("int32 x = 1;", ""),
    "removed, number reserved": ("int32 x = 1;", "reserved 1 to 3;"),
    "removed, name reserved": ("int32 x = 1;", 'reserved "x";'),
    "removed, both reserved": ("int32 x = 1;", 'reserved 1; reserved "x";'),
    "deprecated": ("int32 x = 1;", "int32 x = 1 [deprecated = true];"),
    "not packed": ("repeated int32 x = 1;", "repeated int32 x = 1 [packed = false];"),
    "other message": ("N x = 1;", "P x = 1;"),
    "other message with less": ("P x = 1;", "N x = 1;"),
    "oneof renamed": ("oneof o { int32 x = 1; int32 y = 2; }", "oneof p { int32 x = 1; int32 y = 2; }"),
    "oneof split": ("oneof o { int32 x = 1; int32 y = 2; }", "oneof o { int32 x = 1; } oneof p { int32 y = 2; }"),
    "oneof joined": ("oneof o { int32 x = 1; } oneof p { int32 y = 2; }", "oneof o { int32 x = 1; int32 y = 2; }"),
    "oneof grown": ("oneof o { int32 x = 1; }", "oneof o { int32 x = 1; int32 y = 2; }"),
    "oneof dissolved": ("oneof o { int32 x = 1; int32 y = 2; }", "int32 x = 1; int32 y = 2;"),
    "reserved number freed": ("reserved 5 to 9;", "reserved 5 to 7, 9;"),
    "reserved name freed": ('reserved "q";', ""),
    "reserved split": ("reserved 5 to 9;", "reserved 5 to 7, 8 to 9;"),
    "reserved grown": ("reserved 5;", "reserved 5 to max;"),
}

_VALUES = {
    "removed": ("A = 0; B = 1;", "A = 0;"),
    "removed, number reserved": ("A = 0; B = -1;", "A = 0; reserved -1;"),
    "removed, name reserved": ("A = 0; B = 1;", 'A = 0; reserved "B";'),
    "removed, both reserved": ("A = 0; B = 1;", 'A = 0; reserved 1; reserved "B";'),
    "renamed": ("A = 0; B = 1;", 'A = 0; C = 1; reserved "B";'),
    "renumbered": ("A = 0; B = 1;", "A = 0; B = 2;"),
    "renumbered and reserved": ("A = 0; B = 1;", "A = 0; B = 2; reserved 1;"),
    "swapped": ("A = 0; B = 1; C = 2;", "A = 0; B = 2; C = 1;"),
    "added": ("A = 0;", "A = 0; B = 1;"),
    "alias added": ("A = 0; B = 1;", "option allow_alias = true; A = 0; B = 1; C = 1;"),
    "alias taken": ("option allow_alias = true; A = 0; B = 1; C = 1;", 'A = 0; B = 1; reserved "C";'),
    "first alias taken": ("option allow_alias = true; A = 0; B = 1; C = 1;", 'A = 0; C = 1; reserved "B";'),
    "aliases turned": (
        "option allow_alias = true; A = 0; B = 1; C = 1;",
        "option allow_alias = true; A = 0; C = 1; B = 1;",
    ),
    "reserved freed": ("A = 0; reserved -5 to -2;", "A = 0; reserved -5 to -3;"),
    "deprecated": ("A = 0; B = 1;", "A = 0; B = 1 [deprecated = true];"),
}

_WHOLE = {
    "type renamed": (
        "message A { int32 x = 1; } message M { A a = 1; }",
        "message B { int32 x = 1; } message M { B a = 1; }",
    ),
    "type moved inside": (
        "message A { int32 x = 1; } message M { A a = 1; }",
        "message M { message A { int32 x = 1; } A a = 1; }",
    ),
    "type removed": ("message A { int32 x = 1; }", ""),
    "nested field": ("message M { message A { int32 x = 1; } }", "message M { message A { string x = 1; } }"),
    "nested value": ("message M { enum A { Z = 0; Y = 1; } }", "message M { enum A { Z = 0; } }"),
    "enum renamed": ("enum A { Z = 0; } message M { A a = 1; }", "enum B { Z = 0; } message M { B a = 1; }"),
    "enum removed": ("enum A { Z = 0; }", ""),
    "enum is a message": ("enum A { Z = 0; } message M { A a = 1; }", "message A {} message M { A a = 1; }"),
    "recursive": ("message M { M m = 1; int32 x = 2; }", "message M { M m = 1; string x = 2; }"),
    "service removed": ("service S { rpc Go(N) returns (N); }", ""),
}
"""Changes that are not those of one message or service, which need a file of their own."""

_PROMISES = ("IDEMPOTENCY_UNKNOWN", "IDEMPOTENT", "NO_SIDE_EFFECTS")
_STREAMS = tuple(itertools.product(("", "stream "), repeat=2))


@functools.cache
def changes() -> dict[str, Change]:
    """Every change, by its name."""
    found = {f"field: {name}": _within("message M@ {{ {} }}", change) for name, change in _of_fields()}
    form = "message M@ {{ enum Values {{ {} }} }}"
    found |= {f"value: {name}": _within(form, change) for name, change in _VALUES.items()}
    form = "service S@ {{ rpc Stay(N) returns (N); {} }}"
    return _WHOLE | found | {f"method: {name}": _within(form, change) for name, change in _of_methods()}


def files(side: int) -> dict[str, str]:
    """The text of each file, by path, before all changes (0) or after them (1)."""
    lines, own = [change[side] for change in changes().values()], len(_WHOLE)
    texts = {f"p{index}/p.proto": _HEAD.format(index) + line + "\n" for index, line in enumerate(lines[:own])}
    rest = "".join(f"{line.replace('@', str(index))}\n" for index, line in enumerate(lines[own:]))
    return {**texts, "p/p.proto": _HEAD.format("") + rest}


def change_at(path: str, line: int) -> str:
    """The name of the change that is at a line, from 1, of a file."""
    own = path.partition("/")[0].removeprefix("p")
    return list(changes())[int(own) if own else len(_WHOLE) + line - 1 - _HEAD.count("\n")]


def _of_fields() -> Iterator[tuple[str, Change]]:
    yield from _FIELDS.items()
    for form, (old, new) in itertools.product(_FORMS, itertools.permutations(TYPES, 2)):
        yield f"{form.format(old)} -> {new}", (form.format(old), form.format(new))
    for old, new in itertools.permutations(KEYS, 2):
        yield f"map<{old}> -> {new}", (f"map<{old}, int32> x = 1;", f"map<{new}, int32> x = 1;")
    for type_, (old, new) in itertools.product(("int32", "bytes", "N", "E"), itertools.permutations(_FORMS, 2)):
        change = old.format(type_), new.format(type_)
        yield " -> ".join(change), change


def _of_methods() -> Iterator[tuple[str, Change]]:
    yield "removed", ("rpc Go(N) returns (N);", "")
    yield "added", ("", "rpc Go(N) returns (N);")
    yield "deprecated", ("rpc Go(N) returns (N);", "rpc Go(N) returns (N) { option deprecated = true; }")
    for old, new in itertools.permutations("NOP", 2):
        yield f"request {old} -> {new}", (f"rpc Go({old}) returns (N);", f"rpc Go({new}) returns (N);")
        yield f"response {old} -> {new}", (f"rpc Go(N) returns ({old});", f"rpc Go(N) returns ({new});")
    for old, new in itertools.permutations(_PROMISES, 2):
        change = _within("rpc Go(N) returns (N) {{ option idempotency_level = {}; }}", (old, new))
        yield f"{old} -> {new}", change
    for before, now in itertools.permutations(_STREAMS, 2):
        old, new = (f"rpc Go({request}N) returns ({response}N);" for request, response in (before, now))
        yield f"{old} -> {new}", (old, new)


def _within(form: str, change: Change) -> Change:
    return form.format(change[0]), form.format(change[1])

"""A schema of 100 roles with 10 methods each and 3,000 messages, in one file or in 100."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROLES = 100
METHODS = 10
TYPES = 1_000
"""Declared by name; each method adds two messages, of what it takes and gives."""

_PACKAGE = "large.v1"


def write_one_file(folder: Path) -> None:
    """Write the schema as a single file."""
    types = [line for number in range(TYPES) for line in _type(number)]
    roles = [line for number in range(ROLES) for line in _role(number)]
    _write(folder / "large.yaml", [], types, roles)


def write_many_files(folder: Path) -> None:
    """Write the schema as one file a role, with the types that it uses; each but the first imports another."""
    share = TYPES // ROLES
    for number in range(ROLES):
        types = [line for each in range(number * share, (number + 1) * share) for line in _type(each)]
        imports = [f"part{(number - 1) // 2}.yaml"] if number else []
        _write(folder / f"part{number}.yaml", imports, types, list(_role(number)))


def _write(path: Path, imports: list[str], types: list[str], roles: list[str]) -> None:
    head = [f"package: {_PACKAGE}", f"doc: The schema {path.stem}."]
    if imports:
        head.append(f"imports: [{', '.join(imports)}]")
    path.write_text("\n".join([*head, "types:", *types, "roles:", *roles]) + "\n", encoding="utf-8")


def _type(number: int) -> Iterator[str]:
    yield f"  Type{number}:"
    yield f"    doc: What is known of {number}."
    yield "    fields:"
    yield "      name: {type: string, doc: What it is called.}"
    yield "      weight: {type: double, default: 0.5, doc: How much it counts.}"
    yield "      seed: optional int64"
    yield "      tags: map<string, string>"
    if number % 10:
        yield f"      before: list<Type{number - 1}>"


def _role(number: int) -> Iterator[str]:
    share = TYPES // ROLES
    yield f"  role{number}:"
    yield f"    doc: Does the work {number}."
    yield "    methods:"
    for method in range(METHODS):
        type_ = f"Type{number * share + method % share}"
        yield f"      method{method}:"
        yield f"        doc: Do step {method} of the work."
        yield f"        params: {{config: {type_}, count: int32, weights: tensors}}"
        yield f"        returns: {'stream double' if method == METHODS - 1 else f'list<{type_}>'}"
        yield "        timeout: 60"

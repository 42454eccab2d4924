"""Names are spelled as protobuf's style guide and PEP 8 have it: the same for readers of both."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oiafed_gen.diagnostics import Location
from oiafed_gen.generate import Resolved
from oiafed_gen.lint.finding import Finding
from oiafed_gen.model import Enum, File, Message, Role, walk_enums, walk_messages
from oiafed_gen.spelling import pascal, snake

_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def misnamed(resolved: Resolved) -> Iterator[Finding]:
    """Yield names that are spelled otherwise."""
    for file in resolved.schema.files:
        yield from _package(file)
        for message in walk_messages(file.messages):
            yield from _message(message)
        for enum in walk_enums(file):
            yield from _enum(enum)
        for role in file.roles:
            yield from _role(role, file)


def _package(file: File) -> Iterator[Finding]:
    parts = file.package.split(".") if file.package else []
    if not all(_SNAKE.fullmatch(part) for part in parts):
        better = ".".join(snake(part) for part in parts)
        yield Finding(Location(file.path), f"the package {_should(file.package, 'snake_case', better)}")


def _message(message: Message) -> Iterator[Finding]:
    if not message.wire_only and not _PASCAL.fullmatch(message.name):
        yield Finding(message.location, _should(message.name, "PascalCase", pascal(message.name)))
    for one_of in message.one_ofs:
        if not _SNAKE.fullmatch(one_of.name):
            yield Finding(one_of.location, _should(one_of.name, "snake_case", snake(one_of.name)))
    for field in message.fields:
        if not _SNAKE.fullmatch(field.name) and not (message.wire_only and field.name == "value"):
            yield Finding(field.location, _should(field.name, "snake_case", snake(field.name)))


def _enum(enum: Enum) -> Iterator[Finding]:
    if not _PASCAL.fullmatch(enum.name):
        yield Finding(enum.location, _should(enum.name, "PascalCase", pascal(enum.name)))
    for value in enum.values:
        if not _UPPER.fullmatch(value.member):
            yield Finding(value.location, _should(value.member, "UPPER_CASE", snake(value.member).upper()))


def _role(role: Role, file: File) -> Iterator[Finding]:
    service = role.service.rpartition(".")[2]
    if not file.is_yaml and not _PASCAL.fullmatch(service):
        yield Finding(role.location, _should(service, "PascalCase", pascal(service)))
    if not _SNAKE.fullmatch(role.name):
        yield Finding(role.location, _should(role.name, "snake_case", snake(role.name)))
    for method in role.methods:
        if not file.is_yaml and not _PASCAL.fullmatch(method.rpc):
            yield Finding(method.location, _should(method.rpc, "PascalCase", pascal(method.rpc)))
        elif not _SNAKE.fullmatch(method.name):
            yield Finding(method.location, _should(method.name, "snake_case", snake(method.name)))


def _should(name: str, style: str, better: str) -> str:
    hint = f": '{better}'" if better != name else ""
    return f"'{name}' should be in {style}{hint}"

"""A configuration as it was written: plain values, and where in the file each of them stands."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import cast

import yaml

from oiafed_rpc.config.problems import Path, problem_text
from oiafed_rpc.errors import ConfigError

MAX_BYTES = 1 << 20
"""No configuration of a node is longer: what is was named by mistake."""

_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, Callable[[str], object]] = {
    f"{_TAG}null": lambda written: None,
    f"{_TAG}bool": lambda written: written.lower() in ("true", "yes", "on"),
    f"{_TAG}int": int,  # decimal alone: what YAML 1.1 reads as octal or as base sixty surprises people
    f"{_TAG}float": float,
    f"{_TAG}str": str,
    f"{_TAG}timestamp": str,  # nothing here is a date, but an id may look like one
}

MAX_DEPTH = 32
"""How deep mappings and lists may be nested."""


@dataclass
class Document:
    """Plain values and their places.

    Attributes:
        data: What was read: mappings, lists and scalars.
        name: The file's name, empty where there is none.
        places: Path → line and column, both from 1; empty where there is no file.
        problems: Path → what is wrong in the text itself.
    """

    data: object
    name: str = ""
    places: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    problems: dict[Path, str] = field(default_factory=dict[Path, str])

    @property
    def folder(self) -> FilePath | None:
        """The folder of the file; None where there is none."""
        return FilePath(self.name).absolute().parent if self.name else None

    def error(self, problems: Mapping[Path, str]) -> ConfigError:
        """One error that tells of all problems, one on a line, in the order in which they stand in the file."""
        ordered = sorted(problems.items(), key=lambda item: self._place(item[0]))
        return ConfigError("\n".join(self._where(path) + problem_text(path, problem) for path, problem in ordered))

    def _where(self, path: Path) -> str:
        if not self.name:
            return ""
        line, column = self._place(path)
        return f"{self.name}:{line}:{column}: "

    def _place(self, path: Path) -> tuple[int, int]:
        """Where a path stands; where it is missing, the nearest place above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))


def read(source: str | os.PathLike[str] | Mapping[str, object]) -> Document:
    """Read a YAML file, or take a mapping as it is.

    Raises:
        ConfigError: There is no such file, or it is not readable as YAML.
    """
    if isinstance(source, Mapping):
        return Document(source)
    text = _read_text(source)
    name = os.fspath(source)
    try:
        _check_bounds(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(name, error) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: is not YAML: {error}") from None
    if node is None:
        raise ConfigError(f"{name}:1:1: the file is empty: a node needs at least `node: {{id: ..., role: ...}}`")
    document = Document(None, name)
    document.data = _Builder(document).build(node, ())
    return document


def _read_text(source: str | os.PathLike[str]) -> str:
    try:
        with FilePath(source).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{source}: is longer than {MAX_BYTES} bytes: this is no configuration of a node")
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{source}: there is no such file (looked in {FilePath.cwd()})") from None
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"{source}: is not UTF-8 text") from None


def _check_bounds(text: str) -> None:
    """Refuse what grows when it is composed: aliases, and nesting without end."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _refusal("aliases are not supported: write the value out", event)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _refusal(f"nested deeper than {MAX_DEPTH} levels", event)


def _refusal(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark | None", event.start_mark))


def _yaml_error(name: str, error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
    context = f" ({error.context})" if error.context else ""
    return ConfigError(f"{name}:{place}: bad YAML: {error.problem}{context}")


class _Builder:
    """Turns YAML nodes into plain values, noting each one's place and problem in a document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def build(self, node: yaml.Node, path: Path) -> object:
        if not path:
            self._note(path, node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(cast("list[tuple[yaml.Node, yaml.Node]]", node.value), path)
        if isinstance(node, yaml.SequenceNode):
            return self._list(cast("list[yaml.Node]", node.value), path)
        return self._scalar(node, path)

    def _note(self, path: Path, node: yaml.Node) -> None:
        self._document.places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)

    def _list(self, nodes: list[yaml.Node], path: Path) -> list[object]:
        for index, node in enumerate(nodes):
            self._note((*path, index), node)
        return [self.build(node, (*path, index)) for index, node in enumerate(nodes)]

    def _mapping(self, pairs: list[tuple[yaml.Node, yaml.Node]], path: Path) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, value in pairs:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            inner = (*path, name)
            first = self._document.places.get(inner)
            self._note(inner, key)
            if first:
                self._document.problems[inner] = f"is given twice, first in line {first[0]}: keep one of them"
            else:
                values[name] = self.build(value, inner)
        return values

    def _scalar(self, node: yaml.Node, path: Path) -> object:
        written = cast("str", node.value)
        try:
            return _SCALARS[node.tag](written)
        except (KeyError, ValueError):
            kind = node.tag.removeprefix(_TAG)
            self._document.problems[path] = f"{written[:40]!r} cannot be read as {kind}: put text in quotes"
            return None

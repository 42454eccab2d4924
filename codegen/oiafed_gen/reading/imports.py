"""The imports between schema files: finding what is meant, and refusing cycles."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Iterator, Mapping

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Problems, suggestion
from oiafed_gen.model import Mention


@dataclasses.dataclass(frozen=True, slots=True)
class Importer:
    """A file as the import graph sees it.

    Attributes:
        path: Its path below the schema root.
        proto_name: The name of its proto form.
        imports: What it imports, as written.
        relative: Whether imports are tried relative to the file's own folder first.
    """

    path: str
    proto_name: str
    imports: tuple[Mention, ...]
    relative: bool


def resolve_imports(
    files: Iterable[Importer], provided: Iterable[str], problems: Problems
) -> dict[str, tuple[str, ...]]:
    """Return for each file, by proto name, the proto names of what it imports.

    Missing files and cycles are reported; an import of a missing file is left out.
    """
    files = tuple(files)
    protos = {name: name for name in provided} | {file.proto_name: file.proto_name for file in files}
    paths = {file.path: file.proto_name for file in files}
    found = {file.proto_name: tuple(_resolve(file, protos, paths, problems)) for file in files}
    _refuse_cycles(found, {file.proto_name: file for file in files}, problems)
    return {name: tuple(dict.fromkeys(target for _, target in edges)) for name, edges in found.items()}


def closure(name: str, imports: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the files that `name` imports, directly or not."""
    seen: set[str] = set()
    ahead = [*imports.get(name, ())]
    while ahead:
        imported = ahead.pop()
        if imported not in seen:
            seen.add(imported)
            yield imported
            ahead.extend(imports.get(imported, ()))


def _resolve(
    file: Importer, protos: Mapping[str, str], paths: Mapping[str, str], problems: Problems
) -> Iterator[tuple[Mention, str]]:
    """Yield what a file imports, by the name of its proto form or, from YAML, by its path as well."""
    folder = posixpath.dirname(file.path)
    targets = {**protos, **paths} if file.relative else protos
    for mention in file.imports:
        near = posixpath.normpath(posixpath.join(folder, mention.name))
        target = targets.get(near) if file.relative else None
        target = target or targets.get(mention.name)
        if target is None:
            form = paths.get(near) or paths.get(mention.name)
            hint = f"; in .proto files it is '{form}'" if form else suggestion(mention.name, targets)
            problems.add(mention.location, Code.UNKNOWN_IMPORT, f"cannot find the import '{mention.name}'{hint}")
        else:
            yield mention, target


def _refuse_cycles(
    edges: Mapping[str, tuple[tuple[Mention, str], ...]], files: Mapping[str, Importer], problems: Problems
) -> None:
    """Report each import that closes a cycle."""
    done: set[str] = set()
    for start in sorted(edges):
        path: list[tuple[str, Iterator[tuple[Mention, str]]]] = [(start, iter(edges[start]))]
        while path:
            name, ahead = path[-1]
            mention, target = next(ahead, (None, ""))
            trail = [step for step, _ in path]
            if mention is None:
                done.add(name)
                path.pop()
            elif target in trail:
                _report_cycle([*trail[trail.index(target) :], target], mention, files, problems)
            elif target in edges and target not in done:
                path.append((target, iter(edges[target])))


def _report_cycle(trail: list[str], mention: Mention, files: Mapping[str, Importer], problems: Problems) -> None:
    names = " -> ".join(files[name].path for name in trail)
    problems.add(mention.location, Code.IMPORT_CYCLE, f"this import makes a cycle: {names}")

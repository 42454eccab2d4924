"""From schema files to the model: both languages are read, their imports followed, and protoc asked about the rest."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from oiafed_gen.codes import Code
from oiafed_gen.diagnostics import Diagnostic, Location, Problems, nearest
from oiafed_gen.model import File, Mention, Message, walk_methods
from oiafed_gen.provided import NATIVE, PACKAGES, Provided, is_native, provider
from oiafed_gen.reading.files import check_package, check_path, is_proto3
from oiafed_gen.reading.imports import Importer, closure, resolve_imports
from oiafed_gen.reading.proto.complaints import FOLLOWING, translated
from oiafed_gen.reading.proto.outline import ProtoOutline, read_outline
from oiafed_gen.reading.proto.places import column_of
from oiafed_gen.reading.proto.reader import ProtoReader
from oiafed_gen.reading.symbols import Scope, Symbol
from oiafed_gen.reading.type_syntax import HABITS, SCALARS
from oiafed_gen.reading.yaml.lowering import lower_file, proto_name_of, symbols_of
from oiafed_gen.reading.yaml.reader import read_yaml
from oiafed_gen.reading.yaml.syntax import FileSyntax
from oiafed_gen.sources import SchemaFile
from oiafed_gen.wire.lowered import lowered_proto
from oiafed_gen.wire.protoc import ProtocMessage, compile_protos

_UNDEFINED = re.compile(r'"(?P<name>[\w.]+)" is not defined\.')


@dataclasses.dataclass(frozen=True, slots=True)
class Schema:
    """A whole schema.

    Attributes:
        files: The model of each file.
        descriptors: Protoc's descriptors of all files and what they import.
        proto_texts: The .proto text of each file, by proto name.
        complete: Whether every file could be read.
        unexplained: What protoc found wrong. Where the schema has no other mistake, it is one.
    """

    files: tuple[File, ...]
    descriptors: Sequence[FileDescriptorProto]
    proto_texts: Mapping[str, str]
    complete: bool = True
    unexplained: tuple[Diagnostic, ...] = ()


def read(files: Sequence[SchemaFile], provided: Provided, problems: Problems) -> Schema:
    """Read a schema; where there are problems afterwards, the result is not complete."""
    return _Reading(files, provided, problems).schema()


class _Reading:
    """Reads one schema."""

    def __init__(self, files: Sequence[SchemaFile], provided: Provided, problems: Problems) -> None:
        self._provided = provided
        self._problems = problems
        parsed = [read_yaml(file.path, file.text, problems) for file in files if file.is_yaml]
        self._yaml = {proto_name_of(file): file for file in self._distinct(file for file in parsed if file)}
        self._texts = {file.path: file.text for file in files if not file.is_yaml}
        self._outlines = {path: read_outline(path, text) for path, text in self._texts.items()}
        self._provided_outlines = {name: read_outline(name, text) for name, text in provided.texts.items()}
        self._imports = resolve_imports(self._importers(), provided.texts, problems)
        self._imports |= {name: _names(outline) for name, outline in self._provided_outlines.items()}
        self._symbols = self._all_symbols()
        self._public = {name: outline.public for name, outline in (self._provided_outlines | self._outlines).items()}
        self._well_known = [s for name in provided.texts for s in self._symbols[name] if is_native(s.full_name)]

    def schema(self) -> Schema:
        """Read everything."""
        self._check_places()
        yaml = [self._lower(name, file) for name, file in self._yaml.items()]
        proto = [
            path
            for path, outline in self._outlines.items()
            if is_proto3(outline.syntax or "", outline.syntax_location, self._problems)
        ]
        texts = {
            **{file.proto_name: lowered_proto(file) for file in yaml},
            **{path: self._texts[path] for path in proto},
        }
        compiled = compile_protos({**self._provided.texts, **texts}, sorted(texts), sorted(proto))
        for message in compiled.messages:
            if message.name in self._texts:
                self._report(message)
        reader = ProtoReader(compiled.descriptors, self._provided.texts.keys(), self._problems)
        found = [
            reader.read(descriptor.name, self._texts[descriptor.name], descriptor)
            for descriptor in compiled.descriptors
            if descriptor.name in proto
        ]
        models = tuple(sorted((*yaml, *found), key=lambda file: file.path))
        unexplained = tuple(map(self._unexplained, compiled.messages))
        return Schema(with_errors(models), compiled.descriptors, texts, not unexplained, unexplained)

    def _check_places(self) -> None:
        """Report files whose name no Python module can have, and packages that are provided."""
        for path in self._outlines:
            check_path(path, self._problems)
        taken = {outline.package for outline in self._provided_outlines.values()}
        files: list[FileSyntax | ProtoOutline] = [*self._yaml.values(), *self._outlines.values()]
        for file in files:
            check_package(file.path, file.package, taken, self._problems)

    def _distinct(self, files: Iterable[FileSyntax]) -> Iterable[FileSyntax]:
        """Yield the files, but only the first of those that would become the same .proto file."""
        seen: dict[str, str] = {}
        for file in files:
            former = seen.setdefault(proto_name_of(file), file.path)
            if former == file.path:
                yield file
            else:
                message = f"{former} has the same name and package, so both would become {proto_name_of(file)}"
                self._problems.add(Location(file.path), Code.FILE_CLASH, message)

    def _importers(self) -> list[Importer]:
        yaml = [
            Importer(file.path, name, tuple(Mention(i.text, i.location) for i in file.imports), relative=True)
            for name, file in self._yaml.items()
        ]
        return yaml + [Importer(path, path, o.imports, relative=False) for path, o in self._outlines.items()]

    def _all_symbols(self) -> dict[str, tuple[Symbol, ...]]:
        """Return the symbols of every file by proto name."""
        yaml = {name: symbols_of(file) for name, file in self._yaml.items()}
        outlines = {**self._provided_outlines, **self._outlines}
        return yaml | {name: outline.symbols for name, outline in outlines.items()}

    def _lower(self, name: str, file: FileSyntax) -> File:
        imports = self._imports[name]
        visible = (name, *imports, *(other for each in imports for other in closure(each, self._public)))
        symbols = (symbol for each in dict.fromkeys(visible) for symbol in self._symbols.get(each, ()))
        scope = Scope(symbols, file.package, self._well_known)
        return lower_file(file, imports, scope, self._elsewhere(set(visible)), self._problems)

    def _elsewhere(self, visible: set[str]) -> dict[str, str]:
        """Return the types of the files that are not visible, with the path of each file."""
        found: dict[str, str] = {}
        for file in (*self._yaml, *self._outlines):
            for symbol in self._symbols[file] if file not in visible else ():
                if symbol.kind.is_type:
                    found |= dict.fromkeys((symbol.short_name, symbol.full_name), symbol.location.file)
        return found

    def _report(self, message: ProtocMessage) -> None:
        """Report what protoc found in a .proto file, unless it only follows from what is known already."""
        location = self._place(message)
        if message.text.startswith(FOLLOWING):
            return
        undefined = _UNDEFINED.fullmatch(message.text)
        if undefined is None:
            own = translated(location, message.text, self._texts[message.name].split("\n"))
            found = own or Diagnostic(location, Code.PROTOC, message.text)
            self._problems.add(found.location, found.code, found.message)
        elif not self._declared(undefined["name"], message.name):
            hint = self._hint(undefined["name"], message.name)
            self._problems.add(location, Code.UNKNOWN_TYPE, f"unknown type '{undefined['name']}'{hint}")

    def _hint(self, name: str, file: str) -> str:
        """Return what was meant by a name that protoc does not find in a .proto file."""
        visible = (file, *closure(file, self._imports))
        meant = HABITS.get(name, name)
        for native in (meant, NATIVE.get(meant, ""), *(f"{package}.{meant}" for package in PACKAGES)):
            if is_native(native):
                hint = "" if native == name else f"; did you mean '{native}'?"
                if provider(native) in visible:
                    return hint
                return f'{hint}{" Add" if hint else "; add"} `import "{provider(native)}";`'
        package = self._outlines[file].package
        symbols = [symbol for each in visible for symbol in self._symbols[each] if symbol.kind.is_type]
        written = {symbol.full_name: symbol.full_name for symbol in symbols} | {word: word for word in SCALARS}
        for symbol in symbols:
            written.setdefault(symbol.short_name, symbol.short_name if symbol.package == package else symbol.full_name)
        near = meant if meant in SCALARS else nearest(name, written)
        return f"; did you mean '{written[near]}'?" if near else ""

    def _place(self, message: ProtocMessage) -> Location:
        lines = self._texts[message.name].split("\n")[message.line - 1 : message.line]
        return Location(message.name, message.line, column_of("".join(lines), message.column - 1) + 1)

    def _unexplained(self, message: ProtocMessage) -> Diagnostic:
        """Return a message as it is told where nothing else explains that protoc fails."""
        if message.name in self._texts:
            return Diagnostic(self._place(message), Code.PROTOC, message.text)
        source = self._yaml.get(message.name)
        return Diagnostic(Location(source.path if source else ""), Code.PROTOC, f"protoc: {message.text}")

    def _declared(self, name: str, file: str) -> bool:
        """Whether a name that protoc does not find is declared in a file that has mistakes of its own."""
        visible = closure(file, self._imports)
        return bool(Scope(s for other in visible for s in self._symbols.get(other, ())).find(name))


def _names(outline: ProtoOutline) -> tuple[str, ...]:
    return tuple(mention.name for mention in outline.imports)


def with_errors(files: tuple[File, ...]) -> tuple[File, ...]:
    """Return the files with every message that a method raises marked as an error."""
    raised = {error.name for file in files for method in walk_methods(file) for error in method.errors}
    return tuple(dataclasses.replace(f, messages=_marked(f.messages, raised)) for f in files)


def _marked(messages: tuple[Message, ...], raised: set[str]) -> tuple[Message, ...]:
    return tuple(
        dataclasses.replace(m, is_error=m.is_error or m.full_name in raised, messages=_marked(m.messages, raised))
        if m.messages or m.full_name in raised
        else m
        for m in messages
    )

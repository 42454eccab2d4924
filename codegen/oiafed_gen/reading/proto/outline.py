"""The outline of a .proto file: its package, imports and names, read without protoc.

It tells which names a file offers to YAML schemas, and gives places for mistakes that span files. Everything else in
a .proto file is protoc's to judge, so text that makes no sense here is passed over.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Iterator

from oiafed_gen.diagnostics import Location
from oiafed_gen.model import Mention
from oiafed_gen.reading.symbols import Symbol, SymbolKind
from oiafed_gen.spelling import qualified

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)"
    r"""|(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
    r"|(?P<word>[A-Za-z_.][\w.]*)|(?P<mark>[^\s\w])",
    re.DOTALL | re.ASCII,
)
_KINDS = {"message": SymbolKind.MESSAGE, "enum": SymbolKind.ENUM, "service": SymbolKind.SERVICE}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ProtoOutline:
    """What a .proto file says of itself.

    Attributes:
        syntax: The quoted syntax or edition; None where the file does not say.
        syntax_location: Where it says so.
        public: The names of those of its imports that its importers see as well.
    """

    path: str
    syntax: str | None
    syntax_location: Location
    package: str
    imports: tuple[Mention, ...]
    public: tuple[str, ...]
    symbols: tuple[Symbol, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Token:
    text: str
    location: Location


def read_outline(path: str, text: str) -> ProtoOutline:
    """Return the outline of a .proto file."""
    scan = _Scan(path, list(_tokens(path, text)))
    scan.run()
    return ProtoOutline(
        path=path,
        syntax=scan.syntax,
        syntax_location=scan.syntax_location,
        package=scan.package,
        imports=tuple(scan.imports),
        public=tuple(scan.public),
        symbols=tuple(scan.symbols),
    )


def _tokens(path: str, text: str) -> Iterator[_Token]:
    lines = [0, *(match.end() for match in re.finditer("\n", text))]
    for match in _TOKEN.finditer(text):
        if match.lastgroup:
            line = bisect.bisect_right(lines, match.start())
            yield _Token(match[0], Location(path, line, match.start() - lines[line - 1] + 1))


_DEEPEST = 32  # levels; protoc refuses more, and the names of thousands would take minutes to make


class _Scan:
    """Walks the tokens, keeping the stack of open braces."""

    def __init__(self, path: str, tokens: list[_Token]) -> None:
        self.syntax: str | None = None
        self.syntax_location = Location(path)
        self.package = ""
        self.imports: list[Mention] = []
        self.public: list[str] = []
        self.symbols: list[Symbol] = []
        self._tokens = tokens
        self._scopes: list[Symbol | None] = []

    def run(self) -> None:
        """Walk to the end; a statement starts behind `;`, `{` and `}`."""
        start = True
        for index, token in enumerate(self._tokens):
            if token.text == "{":
                self._open(index)
            elif token.text == "}":
                self._close()
            elif start:
                self._statement(index)
            start = token.text in (";", "{", "}")

    def _text(self, index: int) -> str:
        return self._tokens[index].text if index < len(self._tokens) else ""

    def _statement(self, index: int) -> None:
        scope = self._scopes[-1] if self._scopes else None
        if not self._scopes:
            self._top_level(index)
        elif scope is not None and scope.kind is SymbolKind.ENUM and self._text(index + 1) == "=":
            self._enum_value(scope, self._tokens[index])
        elif scope is not None and self._is_error_option(index):
            self._replace(dataclasses.replace(scope, kind=SymbolKind.ERROR))

    def _top_level(self, index: int) -> None:
        word = self._text(index)
        if word in ("syntax", "edition") and self._text(index + 1) == "=":
            self.syntax = self._text(index + 2)[1:-1]
            self.syntax_location = self._tokens[index].location
        elif word == "package":
            self.package = self._text(index + 1)
        elif word == "import":
            self._import(index + 1)

    def _import(self, index: int) -> None:
        modifier = self._text(index)
        if modifier in ("public", "weak", "option"):
            index += 1
        name = self._text(index)
        if name[:1] in ("'", '"'):
            self.imports.append(Mention(name[1:-1], self._tokens[index].location))
            if modifier == "public":
                self.public.append(name[1:-1])

    def _is_error_option(self, index: int) -> bool:
        words = [self._text(index + offset) for offset in range(6)]
        return words == ["option", "(", "oiafed.v1.error", ")", "=", "true"]

    def _open(self, index: int) -> None:
        """Enter braces; those of a message, enum or service are a scope of names."""
        keyword, name = self._text(index - 2) if index >= 2 else "", self._text(index - 1) if index >= 1 else ""
        outer = self._scopes[-1] if self._scopes else None
        kind = _KINDS.get(keyword) if not self._scopes or outer is not None else None
        if kind is None or "." in name or len(self._scopes) >= _DEEPEST:
            self._scopes.append(None)
            return
        prefix = outer.full_name if outer else self.package
        full_name = qualified(prefix, name)
        symbol = Symbol(full_name, self.package, kind, self._tokens[index - 1].location)
        self.symbols.append(symbol)
        self._scopes.append(symbol)

    def _close(self) -> None:
        if self._scopes:
            self._scopes.pop()

    def _enum_value(self, scope: Symbol, token: _Token) -> None:
        prefix = scope.full_name.rpartition(".")[0]
        full_name = qualified(prefix, token.text)
        self.symbols.append(Symbol(full_name, self.package, SymbolKind.ENUM_VALUE, token.location))
        self._replace(dataclasses.replace(scope, values=(*scope.values, (token.text, token.text))))

    def _replace(self, symbol: Symbol) -> None:
        """Put the symbol of the innermost scope anew."""
        former = self._scopes[-1]
        if former is not None:
            self.symbols[self.symbols.index(former)] = symbol
            self._scopes[-1] = symbol

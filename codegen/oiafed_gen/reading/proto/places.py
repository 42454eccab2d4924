"""Where the parts of a .proto file are, and what its comments say of them."""

from __future__ import annotations

import inspect

from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

from oiafed_gen.diagnostics import Location

_TAB = 8

Path = tuple[int, ...]
"""Field numbers and indices that lead from a file descriptor to one of its parts."""


class Places:
    """The source locations of one file by descriptor path."""

    def __init__(self, path: str, text: str, descriptor: FileDescriptorProto) -> None:
        self._path = path
        self._lines = text.split("\n") if text else []
        self._found = {tuple(place.path): place for place in descriptor.source_code_info.location}

    def at(self, path: Path) -> Location:
        """Return where the part is; the start of the file where that is not known."""
        place = self._found.get(path)
        if place is None:
            return Location(self._path)
        line, column = place.span[0], place.span[1]
        if line < len(self._lines):
            column = column_of(self._lines[line], column)
        return Location(self._path, line + 1, column + 1)

    def name(self, path: Path) -> Location:
        """Return where the name of the part is."""
        named = (*path, 1)  # `name` is field 1 of every kind of descriptor
        return self.at(named if named in self._found else path)

    def doc(self, path: Path) -> str:
        """Return the comments before the part and behind it."""
        place = self._found.get(path)
        texts = (_text(place.leading_comments), _text(place.trailing_comments)) if place else ()
        return "\n\n".join(text for text in texts if text)

    def file_doc(self) -> str:
        """Return the comment that starts the file, before `syntax` or `package`."""
        syntax, package = self._found.get((12,)), self._found.get((2,))
        return _comment(syntax) or _comment(package)


def column_of(line: str, column: int) -> int:
    """Return how many characters of a line are before protoc's column, in bytes, tabs as far as they go."""
    at = 0
    for index, character in enumerate(line):
        if at >= column:
            return index
        at += _TAB - at % _TAB if character == "\t" else len(character.encode())
    return len(line)


def _comment(place: SourceCodeInfo.Location | None) -> str:
    return _text(place.leading_comments) if place else ""


def _text(comment: str) -> str:
    lines = [line.rstrip() for line in comment.split("\n")]
    return inspect.cleandoc("\n".join(line.removeprefix(" ") for line in lines)).strip()

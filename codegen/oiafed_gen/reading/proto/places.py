"""Where the parts of a .proto file are, and what its comments say of them."""

from __future__ import annotations

import inspect

from google.protobuf.descriptor_pb2 import FileDescriptorProto, SourceCodeInfo

from oiafed_gen.diagnostics import Location

Path = tuple[int, ...]
"""Field numbers and indices that lead from a file descriptor to one of its parts."""


class Places:
    """The source locations of one file by descriptor path."""

    def __init__(self, path: str, descriptor: FileDescriptorProto) -> None:
        self._path = path
        self._found = {tuple(place.path): place for place in descriptor.source_code_info.location}

    def at(self, path: Path) -> Location:
        """Return where the part is; the start of the file where that is not known."""
        place = self._found.get(path)
        return Location(self._path, place.span[0] + 1, place.span[1] + 1) if place else Location(self._path)

    def name(self, path: Path) -> Location:
        """Return where the name of the part is."""
        named = (*path, 1)  # `name` is field 1 of every kind of descriptor
        return self.at(named if named in self._found else path)

    def doc(self, path: Path) -> str:
        """Return the comment before the part, or the one behind it."""
        place = self._found.get(path)
        return _text(place.leading_comments or place.trailing_comments) if place else ""

    def file_doc(self) -> str:
        """Return the comment that starts the file, before `syntax` or `package`."""
        syntax, package = self._found.get((12,)), self._found.get((2,))
        return _comment(syntax) or _comment(package)


def _comment(place: SourceCodeInfo.Location | None) -> str:
    return _text(place.leading_comments) if place else ""


def _text(comment: str) -> str:
    lines = [line.rstrip() for line in comment.split("\n")]
    return inspect.cleandoc("\n".join(line.removeprefix(" ") for line in lines)).strip()

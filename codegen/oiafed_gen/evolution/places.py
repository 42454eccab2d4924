"""Where the things of a schema are, by their full proto names, and what people call them."""

from __future__ import annotations

from collections.abc import Iterator

from oiafed_gen.diagnostics import Location
from oiafed_gen.generate import Resolved
from oiafed_gen.model import Enum, EnumValue, File, Message, walk_enums, walk_messages, walk_methods


class Places:
    """The places of one schema."""

    def __init__(self, resolved: Resolved) -> None:
        self._files = resolved.schema.files
        self._found: dict[str, tuple[Location, str]] = {}
        for file in self._files:
            self._found |= {path: (location, words) for path, location, words in _places(file)}

    def at(self, path: str) -> Location:
        """Return where something is, or else what holds it: of a removed field the message, of a type its file."""
        while path:
            if path in self._found:
                return self._found[path][0]
            for file in self._files:
                if file.package == path:
                    return Location(file.path)
            path = path.rpartition(".")[0]
        return Location("")

    def owner(self, path: str) -> str:
        """Return what people call that which holds something, as `in 'FitConfig', `; nothing where it is a file."""
        found = self._found.get(path.rpartition(".")[0])
        return f"in {found[1]}, " if found else ""

    def called(self, path: str) -> str:
        """Return what people call something, which is not always its name in proto."""
        found = self._found.get(path)
        return found[1] if found else f"'{path.rpartition('.')[2]}'"

    def is_yaml(self, path: str) -> bool:
        """Whether something is declared in YAML."""
        return not self.at(path).file.endswith(".proto")


def _places(file: File) -> Iterator[tuple[str, Location, str]]:
    for role in file.roles:
        yield role.service, role.location, f"'{role.name}'"
        for method in role.methods:
            yield f"{role.service}.{method.rpc}", method.location, f"'{method.name}'"
    results = {method.response for method in walk_methods(file)}
    owners = {
        name: f"'{method.name}' of '{role.name}'"
        for role in file.roles
        for method in role.methods
        for name in (method.request, method.response)
    }
    for message in walk_messages(file.messages):
        words = owners.get(message.full_name, "") if message.wire_only else ""
        yield from _members(
            message, words or f"'{message.name}'", is_result=bool(words) and message.full_name in results
        )
    for enum in walk_enums(file):
        yield from _members(enum, f"'{enum.name}'")


def _members(item: Message | Enum, words: str, *, is_result: bool = False) -> Iterator[tuple[str, Location, str]]:
    yield item.full_name, item.location, words
    for member in item.values if isinstance(item, Enum) else item.fields:
        name = member.member if isinstance(member, EnumValue) else member.name
        yield f"{item.full_name}.{member.name}", member.location, "the result" if is_result else f"'{name}'"

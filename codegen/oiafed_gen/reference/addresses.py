"""Where everything is in the reference. Addresses are made of the schema's own names, so that links to them last."""

from __future__ import annotations

from collections.abc import Sequence

from oiafed_gen.model import Enum, File, Message, Method, Role, walk_enums, walk_messages

INDEX = "index.html"
STYLE = "reference.css"
SCRIPT = "reference.js"
ENTRIES = "entries.js"

_NO_PACKAGE = "no-package"  # no package can have this name


class Addresses:
    """The addresses of packages, roles, methods and types, each relative to the reference's folder."""

    def __init__(self, files: Sequence[File]) -> None:
        self._types: dict[str, str] = {}
        self._named: dict[tuple[str, str], str] = {}
        for file in files:
            page = self.package(file.package)
            documented: list[Enum | Message] = [*walk_enums(file), *walk_messages(file.messages)]
            hidden = tuple(f"{m.full_name}." for m in walk_messages(file.messages) if m.wire_only)
            for item in documented:
                if not f"{item.full_name}.".startswith(hidden):
                    self._types[item.full_name] = f"{page}#{anchor(file.package, item.full_name)}"
            for role in file.roles:
                self._named.setdefault((role.name, ""), self.role(role))
                for method in role.methods:
                    self._named.setdefault((role.name, method.name), self.method(role, method))

    def package(self, name: str) -> str:
        """Return the page of a proto package."""
        return f"packages/{name or _NO_PACKAGE}.html"

    def role(self, role: Role) -> str:
        """Return the page of a role; services have names of their own where roles of two packages share one."""
        return f"roles/{role.service}.html"

    def named_role(self, name: str, method: str = "") -> str:
        """Return the place of a role that others name, or of its method, or "" where none is declared."""
        return self._named.get((name, method), "")

    def method(self, role: Role, method: Method) -> str:
        """Return the place of a method on the page of its role."""
        return f"{self.role(role)}#{method.name}"

    def type(self, full_name: str) -> str:
        """Return the place of an enum, record or error, or "" where the reference has none of that name."""
        return self._types.get(full_name, "")

    def named_type(self, name: str, package: str) -> str:
        """Return the place of the type that a text of `package` calls `name`, or "" where there is none."""
        return self.type(f"{package}.{name}" if package else name) or self.type(name)


def anchor(package: str, full_name: str) -> str:
    """Return the name of a type within its package."""
    return full_name[len(package) + 1 :] if package else full_name


def relative(page: str, address: str) -> str:
    """Return how the page at `page` refers to an address."""
    target, mark, place = address.partition("#")
    if not address or (target == page and mark):
        return f"{mark}{place}"
    return f"{root(page)}{address}"


def root(page: str) -> str:
    """Return how a page refers to the folder of the reference."""
    return "../" * page.count("/")

"""Types as a reader sees them: in Python, as generated but for the names of modules, and in the schema's words."""

from __future__ import annotations

import re
from collections.abc import Callable

from markupsafe import Markup, escape

from oiafed_gen.model import Field, Kind, Label
from oiafed_gen.provided import NATIVE, is_native
from oiafed_gen.python.scope import ModuleScope
from oiafed_gen.python.table import Package, Table
from oiafed_gen.reference.prose import link

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_RUNTIME = re.compile(r"\b_rpc\.(\w+)")
_WORDS = {full_name: word for word, full_name in NATIVE.items()}


class ReadableScope(ModuleScope):
    """A module that is read rather than run: nothing is imported, and types of other packages are named in full.

    Args:
        table: The schema's Python names.
        package: The folders of the package whose names are short.
        address: Returns where the reference has a type, by its full proto name, or "".
    """

    def __init__(self, table: Table, package: Package, address: Callable[[str], str]) -> None:
        super().__init__(table, package, (), is_types=True)
        self._types = table.types
        self._here = package
        self._address = address
        self._own_types = {type_.path[0] for type_ in table.types.values() if type_.package == package}
        self._spelled: dict[str, str] = {}
        self._linked: dict[str, Markup] = {}  # most are the same few

    def alias(self, alias: str, name: str = "") -> str:
        """Return a name of another module, with the module's where the package has a type of that name."""
        return f"{alias.strip('_')}.{name}" if name in self._own_types else name or alias

    def builtin(self, name: str, hidden: object = ()) -> str:
        """Return a builtin as everyone knows it."""
        return name

    def type_name(self, full_name: str, hidden: object = ()) -> str:
        """Return the class of an enum or record, and remember what it stands for."""
        type_ = self._types[full_name]
        name = ".".join(type_.path if type_.package == self._here else (*type_.package, *type_.path))
        self._spelled[name] = full_name
        return name

    def wire_class(self, full_name: str) -> str:
        """Return protobuf's class of a message that has no other form in Python."""
        return super().wire_class(full_name).lstrip("_")

    def linked(self, annotation: str) -> Markup:
        """Return an annotation made in this scope, with links to the types that the reference has."""
        if annotation not in self._linked:
            self._linked[annotation] = self._with_links(_RUNTIME.sub(lambda m: self.alias("_rpc", m[1]), annotation))
        return self._linked[annotation]

    def _with_links(self, text: str) -> Markup:
        parts: list[str] = []
        start = 0
        for match in _NAME.finditer(text):
            parts += [escape(text[start : match.start()]), self._link(match[0])]
            start = match.end()
        return Markup("").join([*parts, escape(text[start:])])

    def _link(self, name: str) -> Markup:
        return link(name, self._address(self._spelled.get(name, "")))


def schema_type(field: Field) -> str:
    """Return a field's type in the words of the schema language, enums and records by their own names."""
    name = field.type.name
    single = name if field.type.kind is Kind.SCALAR or is_native(name) else name.rpartition(".")[2]
    single = _WORDS.get(name, single)
    if field.stream:
        return f"stream {single}"
    if field.label is Label.LIST:
        return f"list<{single}>"
    if field.label is Label.MAP:
        return f"map<{field.key}, {single}>"
    return f"optional {single}" if field.label is Label.OPTIONAL and field.default is None else single

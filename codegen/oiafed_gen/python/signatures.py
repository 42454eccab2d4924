"""What the methods of a role take and give, in the annotations of one module."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from oiafed_gen.model import Field, Kind, Message, Method, TypeRef
from oiafed_gen.provided import EMPTY, is_native
from oiafed_gen.python.docs import docstring, note
from oiafed_gen.python.scope import ModuleScope
from oiafed_gen.python.table import Table

CALLED_STREAM = "_rpc.Items"
"""What those who call a method give where a parameter is a stream."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a method or constructor.

    Attributes:
        name: Its name.
        annotation: Its type, or that of one item if it is a stream.
        default: Its default as an expression; "" where it has none.
        is_stream: Whether it is a stream.
        by_position: Whether it can be given without its name.
    """

    name: str
    annotation: str
    default: str = ""
    is_stream: bool = False
    by_position: bool = True

    def typed(self, stream: str) -> str:
        """Return its annotation, where `stream` is the runtime's class for a stream."""
        return f"{stream}[{self.annotation}]" if self.is_stream else self.annotation

    def text(self, stream: str = "") -> str:
        """Return how it is declared."""
        declared = f"{self.name}: {self.typed(stream)}"
        return f"{declared} = {self.default}" if self.default else declared


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A method in the annotations of one module.

    Attributes:
        name: The method's name.
        parameters: Its parameters.
        names: The names of these.
        calling: Its parameters for those who call it, `self` first.
        handling: Its parameters for those who implement it, `self` first.
        stream: The name of the parameter that is a stream; "" where none is.
        result: The type of its result, or of one item of it.
        doc: Its docstring.
        decorator: What marks it as deprecated, if it is.
    """

    name: str
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]
    calling: tuple[str, ...]
    handling: tuple[str, ...]
    stream: str
    result: str
    doc: str
    decorator: str


class Signatures:
    """Makes the signatures of a role's methods.

    Args:
        table: The schema's Python names.
        scope: The module that they are for.
        methods: The Python names of the role's methods by their names on the wire.
        hidden: Names that mean something else where the signatures stand; by default those of the methods.
    """

    def __init__(
        self, table: Table, scope: ModuleScope, methods: Mapping[str, str], hidden: Iterable[str] | None = None
    ) -> None:
        self._table = table
        self._scope = scope
        self._methods = methods
        self._hidden = frozenset(methods.values() if hidden is None else hidden)

    def of(self, method: Method) -> Signature:
        """Return the signature of one method."""
        name = self._methods[method.rpc]
        parameters = self.parameters(method)
        return Signature(
            name=name,
            parameters=parameters,
            names=tuple(parameter.name for parameter in parameters),
            calling=listed(parameters, CALLED_STREAM),
            handling=listed(parameters, "_rpc.RequestStream"),
            stream=next((parameter.name for parameter in parameters if parameter.is_stream), ""),
            result=self.result(method),
            doc=self._doc(method, parameters),
            decorator=f'@_rpc.deprecated("{name} is deprecated.")' if method.deprecated else "",
        )

    def parameters(self, method: Method) -> tuple[Parameter, ...]:
        """Return the parameters of a method, without anything that its result would ask of the module."""
        return _ordered(self._parameters(method))

    def _parameters(self, method: Method) -> list[Parameter]:
        message = self._table.unpacked(method)
        if message is not None:
            names = self._table.types[message.full_name].attributes
            return [self._parameter(message, field, names[field.name]) for field in message.fields]
        if method.client_stream:
            item = "None" if method.request == EMPTY else self._single(method.request)
            return [Parameter("requests", item, is_stream=True)]
        return [] if method.request == EMPTY else [Parameter("request", self._single(method.request))]

    def _parameter(self, message: Message, field: Field, name: str) -> Parameter:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional, hidden=self._hidden)
        if field.stream:
            return Parameter(name, annotation, is_stream=True)
        return Parameter(name, annotation, "None" if optional else self._scope.default(field, self._hidden))

    def result(self, method: Method) -> str:
        """Return the type of a method's result, or of one item of it."""
        message = self._table.messages.get(method.response)
        if method.response == EMPTY:
            return "None"
        if message is None or is_native(method.response) or not message.wire_only:
            return self._single(method.response)
        if not message.fields:
            return "None"
        value = message.fields[0]
        optional = self._table.is_optional(message, value)
        return self._scope.annotation(value, optional=optional, hidden=self._hidden)

    def _single(self, message: str) -> str:
        return self._scope.single(TypeRef(Kind.MESSAGE, message), self._hidden)

    def _doc(self, method: Method, parameters: Iterable[Parameter]) -> str:
        """Return a method's documentation with that of its parameters and of what it raises."""
        message = self._table.unpacked(method)
        fields = message.fields if message is not None else ()
        notes = [(each.name, note(f.doc, f.deprecated)) for f, each in zip(fields, parameters, strict=False)]
        title = f"The method `{method.name}`."
        errors = [(self._table.types[each.name], self._table.messages[each.name].doc) for each in method.errors]
        raised = [(".".join(type_.path), doc.partition("\n\n")[0]) for type_, doc in errors]
        return docstring(method.doc, notes, title=title, section="Args", raised=raised, deprecated=method.deprecated)


def _ordered(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """Return parameters in their order, keyword-only from where one with a default stands before one without."""
    with_default = [parameter.default != "" for parameter in parameters]
    first = with_default.index(True) if True in with_default else len(parameters)
    if all(with_default[first:]):
        return tuple(parameters)
    return (*parameters[:first], *(dataclasses.replace(each, by_position=False) for each in parameters[first:]))


def with_star(parameters: Iterable[Parameter]) -> Iterator[Parameter | None]:
    """Yield parameters as a definition has them; None is the star behind which they need their names."""
    by_position = True
    for parameter in parameters:
        if by_position and not parameter.by_position:
            by_position = False
            yield None
        yield parameter


def listed(parameters: Iterable[Parameter], stream: str) -> tuple[str, ...]:
    """Return a definition's parameters, where `stream` is the runtime's class for one that is a stream."""
    return ("self", *(each.text(stream) if each else "*" for each in with_star(parameters)))

"""What the methods of a role take and give, in the annotations of one module."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from oiafed_gen.model import Field, Kind, Message, Method, TypeRef
from oiafed_gen.provided import EMPTY, is_native
from oiafed_gen.python.docs import docstring, note
from oiafed_gen.python.scope import ModuleScope
from oiafed_gen.python.table import Table


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A method in the annotations of one module.

    Attributes:
        name: The method's name.
        names: The names of its parameters.
        calling: Its parameters for those who call it, `self` first.
        handling: Its parameters for those who implement it, `self` first.
        recorded: The types of its parameters where a fake keeps them.
        stream: The name of the parameter that is a stream; "" where none is.
        result: The type of its result, or of one item of it.
        doc: Its docstring.
        decorator: What marks it as deprecated, if it is.
    """

    name: str
    names: tuple[str, ...]
    calling: tuple[str, ...]
    handling: tuple[str, ...]
    recorded: tuple[str, ...]
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
        return Signature(
            name=name,
            names=self._names(method),
            calling=("self", *_ordered(self._parameters(method, "_rpc.Items"))),
            handling=("self", *_ordered(self._parameters(method, "_rpc.RequestStream"))),
            recorded=tuple(map(_annotation, self._parameters(method, "_testing.Received"))),
            stream=self._stream(method),
            result=self._result(method),
            doc=self._doc(method),
            decorator=f'@_rpc.deprecated("{name} is deprecated.")' if method.deprecated else "",
        )

    def _names(self, method: Method) -> tuple[str, ...]:
        message = self._table.unpacked(method)
        if message is not None:
            return tuple(self._table.types[message.full_name].attributes.values())
        if method.client_stream:
            return ("requests",)
        return () if method.request == EMPTY else ("request",)

    def _stream(self, method: Method) -> str:
        message = self._table.unpacked(method)
        if message is None:
            return "requests" if method.client_stream else ""
        return next((name for field, name in zip(message.fields, self._names(method), strict=True) if field.stream), "")

    def _parameters(self, method: Method, stream: str) -> list[str]:
        """Return the parameters, where `stream` is the runtime's class for one that is a stream."""
        names = self._names(method)
        message = self._table.unpacked(method)
        if message is not None:
            return [self._parameter(message, *pair, stream) for pair in zip(message.fields, names, strict=True)]
        if not names:
            return []
        item = "None" if method.request == EMPTY else self._single(method.request)
        return [f"{names[0]}: {f'{stream}[{item}]' if method.client_stream else item}"]

    def _parameter(self, message: Message, field: Field, name: str, stream: str) -> str:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional, hidden=self._hidden)
        if field.stream:
            return f"{name}: {stream}[{annotation}]"
        default = "None" if optional else self._scope.default(field, self._hidden)
        return f"{name}: {annotation} = {default}" if default else f"{name}: {annotation}"

    def _result(self, method: Method) -> str:
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

    def _doc(self, method: Method) -> str:
        """Return a method's documentation with that of its parameters."""
        message = self._table.unpacked(method)
        fields = message.fields if message is not None else ()
        notes = [(name, note(f.doc, f.deprecated)) for f, name in zip(fields, self._names(method), strict=False)]
        title = f"The method `{method.name}`."
        return docstring(method.doc, notes, title=title, section="Args", deprecated=method.deprecated)


def _annotation(parameter: str) -> str:
    """Return the type of a parameter alone."""
    return parameter.partition(": ")[2].partition(" = ")[0]


def _ordered(parameters: list[str]) -> tuple[str, ...]:
    """Return parameters in their order, keyword-only from where one with a default stands before one without."""
    with_default = [" = " in parameter for parameter in parameters]
    if True in with_default and False in with_default[with_default.index(True) :]:
        first = with_default.index(True)
        return (*parameters[:first], "*", *parameters[first:])
    return tuple(parameters)

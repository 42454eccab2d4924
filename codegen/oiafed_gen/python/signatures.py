"""What the methods of a role take and give, in the annotations of one module."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

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
        result: The type of its result, or of one item of it.
        doc: Its docstring.
        decorator: What marks it as deprecated, if it is.
    """

    name: str
    names: tuple[str, ...]
    calling: tuple[str, ...]
    handling: tuple[str, ...]
    result: str
    doc: str
    decorator: str


class Signatures:
    """Makes the signatures of a role's methods.

    Args:
        table: The schema's Python names.
        scope: The module that they are for.
        methods: The Python names of the role's methods by their names on the wire; they hide types of such names.
    """

    def __init__(self, table: Table, scope: ModuleScope, methods: Mapping[str, str]) -> None:
        self._table = table
        self._scope = scope
        self._methods = methods
        self._hidden = frozenset(methods.values())

    def of(self, method: Method) -> Signature:
        """Return the signature of one method."""
        name = self._methods[method.rpc]
        return Signature(
            name=name,
            names=self._names(method),
            calling=("self", *self._parameters(method, "Items")),
            handling=("self", *self._parameters(method, "RequestStream")),
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

    def _parameters(self, method: Method, stream: str) -> tuple[str, ...]:
        """Return the parameters, where `stream` is the runtime's class for one that is a stream."""
        names = self._names(method)
        message = self._table.unpacked(method)
        if message is not None:
            return _ordered(
                [self._parameter(message, *pair, stream) for pair in zip(message.fields, names, strict=True)]
            )
        if not names:
            return ()
        item = "None" if method.request == EMPTY else self._single(method.request)
        return (f"{names[0]}: {f'_rpc.{stream}[{item}]' if method.client_stream else item}",)

    def _parameter(self, message: Message, field: Field, name: str, stream: str) -> str:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional, hidden=self._hidden)
        if field.stream:
            return f"{name}: _rpc.{stream}[{annotation}]"
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


def _ordered(parameters: list[str]) -> tuple[str, ...]:
    """Return parameters in their order, keyword-only from where one with a default stands before one without."""
    with_default = [" = " in parameter for parameter in parameters]
    if True in with_default and False in with_default[with_default.index(True) :]:
        first = with_default.index(True)
        return (*parameters[:first], "*", *parameters[first:])
    return tuple(parameters)

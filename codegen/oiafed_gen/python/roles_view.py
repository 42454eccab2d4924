"""What the template of a role's module lays out."""

from __future__ import annotations

import dataclasses

from oiafed_gen.model import Field, Kind, Message, Method, Role, TypeRef
from oiafed_gen.provided import EMPTY, is_native
from oiafed_gen.python.docs import docstring
from oiafed_gen.python.names import free
from oiafed_gen.python.scope import Imports, ModuleScope, is_classed
from oiafed_gen.python.table import Package, Table
from oiafed_gen.spelling import pascal


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """A method, for each of the classes it is part of.

    Attributes:
        constant: The name of its descriptor.
        result: The type of its result, or of one item of it.
        description: The arguments of its descriptor.
        parameters: Its parameters, `self` first.
        proxy_decorator, proxy_head, proxy_call: How the proxy's method starts, and what it does.
    """

    name: str
    doc: str
    constant: str
    result: str
    description: tuple[str, ...]
    parameters: tuple[str, ...]
    decorator: str
    proxy_head: str
    proxy_result: str
    proxy_call: str
    collection_result: str
    collection_call: str
    handler_result: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """A role's module."""

    header: str
    module: str
    role: str
    proxy: str
    collection: str
    handler: str
    doc: str
    proxy_doc: str
    collection_doc: str
    handler_doc: str
    imports: Imports
    methods: tuple[MethodView, ...]
    table: str


def class_names(role: Role) -> tuple[str, str, str]:
    """Return the names of a role's proxy, collection and handler."""
    stem = pascal(role.name)
    return f"{stem}Proxy", f"{stem}Collection", f"{stem}Handler"


def role_view(
    table: Table, package: Package, role: Role, module: str, methods: dict[str, str], header: str
) -> RoleView:
    """Return what the module of a role holds.

    Args:
        table: The schema's Python names.
        package: The folders of the package that the module is in.
        role: The role.
        module: The module's name.
        methods: The Python names of the role's methods by their names on the wire.
        header: The module's first line.
    """
    return _Role(table, package, role, methods).view(module, header)


class _Role:
    """Makes the view of one module."""

    def __init__(self, table: Table, package: Package, role: Role, methods: dict[str, str]) -> None:
        self._table = table
        self._role = role
        self._methods = methods
        self._constants = self._assign_constants()
        own = {*class_names(role), *self._constants.values()}
        self._scope = ModuleScope(table, package, own, is_types=False)

    def _assign_constants(self) -> dict[str, str]:
        """Name the descriptors so that nothing else in the module has such a name."""
        taken = set(self._methods.values())
        for method in self._role.methods:
            if method.request in self._table.types:
                taken.update(self._table.types[method.request].attributes.values())
        constants: dict[str, str] = {}
        for method in self._role.methods:
            constants[method.rpc] = free(f"_{method.name.strip('_').upper()}", {*taken, *constants.values()})
        return constants

    def view(self, module: str, header: str) -> RoleView:
        """Return the whole module."""
        role = self._role
        proxy, collection, handler = class_names(role)
        self._scope.alias("_rpc")
        if role.methods:
            self._scope.alias("_abstractmethod")
        methods = tuple(self._method(method) for method in role.methods)
        constants = [method.constant for method in methods]
        return RoleView(
            header=header,
            module=module,
            role=_string(role.name),
            proxy=proxy,
            collection=collection,
            handler=handler,
            doc=docstring(f"The role `{role.name}`: its proxy, collection and handler."),
            proxy_doc=docstring(_titled("Calls one node of the role", role), deprecated=role.deprecated),
            collection_doc=docstring(_titled("Calls many nodes of the role", role), deprecated=role.deprecated),
            handler_doc=docstring(_titled("Implements the role", role), deprecated=role.deprecated),
            imports=self._scope.imports(),
            methods=methods,
            table=f"({', '.join(constants)}{',' if len(constants) == 1 else ''})",
        )

    def _method(self, method: Method) -> MethodView:
        hidden = frozenset(self._methods.values())
        parameters, payload, request = self._request(method, hidden)
        result, response = self._response(method, hidden)
        name, constant = self._methods[method.rpc], self._constants[method.rpc]
        scope = self._scope
        stream = method.server_stream
        iterator = scope.alias("_AsyncIterator") if stream else ""
        eager = scope.alias("_Iterator") if stream else scope.alias("_Awaitable")
        return MethodView(
            name=name,
            doc=docstring(self._documented(method), deprecated=method.deprecated),
            constant=constant,
            result=result,
            description=(
                *self._description(method, name),
                f"request={request}",
                f"response={response}",
                *self._extras(method),
            ),
            parameters=("self", *parameters),
            decorator=f'@_rpc.deprecated("{name} is deprecated.")' if method.deprecated else "",
            proxy_head=f"def {name}" if stream else f"async def {name}",
            proxy_result=f"{iterator}[{result}]" if stream else result,
            proxy_call=f"{'self._rpc_server_stream' if stream else 'await self._rpc_unary'}({constant}, {payload})",
            collection_result=f"_rpc.{'BroadcastStream' if stream else 'Broadcast'}[{result}]",
            collection_call=f"self._rpc_{'broadcast_stream' if stream else 'broadcast'}({constant}, {payload})",
            handler_result=f"{iterator}[{result}] | {eager}[{result}]" if stream else f"{result} | {eager}[{result}]",
        )

    def _documented(self, method: Method) -> str:
        """Return a method's documentation with that of its parameters."""
        message = self._table.messages.get(method.request)
        if message is None or not method.unpack:
            return method.doc
        attributes = self._table.types[method.request].attributes
        lines = [f"    {attributes[f.name]}: {f.doc}" for f in message.fields if f.doc]
        return "\n".join((method.doc, "", "Args:", *lines)).strip() if lines else method.doc

    def _request(self, method: Method, hidden: frozenset[str]) -> tuple[tuple[str, ...], str, str]:
        """Return a method's parameters, the payload that it sends, and how its descriptor describes that."""
        message = self._table.messages.get(method.request)
        if method.request == EMPTY:
            return (), "{}", f"_rpc.Params({self._scope.wire_class(EMPTY)}, ())"
        if message is not None and method.unpack:
            return self._unpacked(message, hidden)
        single = self._scope.single(TypeRef(Kind.MESSAGE, method.request), hidden)
        shape = f"_rpc.Value({self._scope.wire_class(method.request)})" if is_native(method.request) else ""
        return (f"request: {single}",), "request", shape or self._scope.type_name(method.request)

    def _unpacked(self, message: Message, hidden: frozenset[str]) -> tuple[tuple[str, ...], str, str]:
        attributes = self._table.types[message.full_name].attributes
        parameters = [self._parameter(message, field, attributes[field.name], hidden) for field in message.fields]
        names = [_string(attributes[field.name]) for field in message.fields]
        payload = ", ".join(f"{_string(name)}: {name}" for name in attributes.values())
        arguments = [self._scope.wire_class(message.full_name), f"({', '.join(names)}{',' if len(names) == 1 else ''})"]
        types = [(attributes[f.name], self._scope.type_name(f.type.name)) for f in message.fields if is_classed(f)]
        defaults = [(attributes[f.name], self._scope.default(f)) for f in message.fields if f.default]
        for keyword, items in (("types", types), ("defaults", defaults)):
            if items:
                listed = ", ".join(f"{_string(name)}: {value}" for name, value in items)
                arguments.append(f"{keyword}={{{listed}}}")
        return _ordered(parameters), f"{{{payload}}}", f"_rpc.Params({', '.join(arguments)})"

    def _parameter(self, message: Message, field: Field, name: str, hidden: frozenset[str]) -> str:
        optional = self._table.is_optional(message, field)
        annotation = self._scope.annotation(field, optional=optional, hidden=hidden)
        default = "None" if optional else self._scope.default(field, hidden)
        return f"{name}: {annotation} = {default}" if default else f"{name}: {annotation}"

    def _response(self, method: Method, hidden: frozenset[str]) -> tuple[str, str]:
        """Return the annotation of a method's result, and how its descriptor describes it."""
        name = method.response
        message = self._table.messages.get(name)
        if message is not None and not message.wire_only:
            return self._scope.type_name(name, hidden), self._scope.type_name(name)
        wire = self._scope.wire_class(name)
        if name == EMPTY or (message is not None and not message.fields):
            return "None", f"_rpc.Value({wire})"
        if message is None or is_native(name):
            return self._scope.single(TypeRef(Kind.MESSAGE, name), hidden), f"_rpc.Value({wire})"
        value = message.fields[0]
        result = self._scope.annotation(value, optional=self._table.is_optional(message, value), hidden=hidden)
        type_ = f", {self._scope.type_name(value.type.name)}" if is_classed(value) else ""
        return result, f"_rpc.Value({wire}{type_})"

    def _description(self, method: Method, name: str) -> tuple[str, ...]:
        return (
            f"role={_string(self._role.name)}",
            f"name={_string(method.name)}",
            f"path={_string(f'/{self._role.service}/{method.rpc}')}",
            f"attribute={_string(name)}",
            f"kind=_rpc.Kind.{'SERVER_STREAM' if method.server_stream else 'UNARY'}",
        )

    def _extras(self, method: Method) -> list[str]:
        """Return those arguments of a descriptor that differ from what it assumes."""
        extras = [f"timeout={method.timeout!r}"] if method.timeout is not None else []
        if method.idempotent:
            extras.append("idempotent=True")
        if method.callers:
            extras.append(f"callers=({', '.join(_string(caller.name) for caller in method.callers)},)")
        if method.errors:
            extras.append(f"errors=({', '.join(self._scope.type_name(error.name) for error in method.errors)},)")
        return extras


def _titled(what: str, role: Role) -> str:
    return "\n\n".join(part for part in (f"{what} `{role.name}`.", role.doc) if part)


def _ordered(parameters: list[str]) -> tuple[str, ...]:
    """Return parameters in their order, keyword-only from where one with a default stands before one without."""
    with_default = [" = " in parameter for parameter in parameters]
    if True in with_default and False in with_default[with_default.index(True) :]:
        first = with_default.index(True)
        return (*parameters[:first], "*", *parameters[first:])
    return tuple(parameters)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

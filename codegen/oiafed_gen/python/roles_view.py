"""What the template of a role's module lays out."""

from __future__ import annotations

import dataclasses

from oiafed_gen.model import Message, Method, Role
from oiafed_gen.provided import EMPTY, is_native
from oiafed_gen.python.docs import docstring
from oiafed_gen.python.names import free
from oiafed_gen.python.scope import Imports, ModuleScope, is_classed
from oiafed_gen.python.signatures import Signature, Signatures
from oiafed_gen.python.table import Package, Table
from oiafed_gen.spelling import pascal

_KINDS = {
    (False, False): "UNARY",
    (False, True): "SERVER_STREAM",
    (True, False): "CLIENT_STREAM",
    (True, True): "BIDI_STREAM",
}
"""The runtime's names for which sides of a call are streams, the request first."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """A method, for each of the classes it is part of.

    Attributes:
        signature: What it takes and gives.
        constant: The name of its descriptor.
        description: The arguments of its descriptor.
        proxy_head, proxy_call: How the proxy's method starts, and what it does.
    """

    signature: Signature
    constant: str
    description: tuple[str, ...]
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


def proxy_doc(role: Role) -> str:
    """Return the docstring of a role's proxy."""
    return _titled("Calls one node of the role", role)


def collection_doc(role: Role) -> str:
    """Return the docstring of a role's collection."""
    return _titled("Calls many nodes of the role", role)


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
        self._signatures = Signatures(table, self._scope, methods)

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
            proxy_doc=proxy_doc(role),
            collection_doc=collection_doc(role),
            handler_doc=_titled("Implements the role", role),
            imports=self._scope.imports(),
            methods=methods,
            table=f"({', '.join(constants)}{',' if len(constants) == 1 else ''})",
        )

    def _method(self, method: Method) -> MethodView:
        signature = self._signatures.of(method)
        name, result, constant = signature.name, signature.result, self._constants[method.rpc]
        scope = self._scope
        stream = method.server_stream
        iterator = scope.alias("_AsyncIterator") if stream else ""
        eager = scope.alias("_Iterator") if stream else scope.alias("_Awaitable")
        sent = f"({constant}, {self._payload(method, signature)})"
        return MethodView(
            signature=signature,
            constant=constant,
            description=(
                *self._description(method, name),
                f"request={self._request(method, signature)}",
                f"response={self._response(method)}",
                *self._extras(method),
            ),
            proxy_head=f"def {name}" if stream else f"async def {name}",
            proxy_result=f"{iterator}[{result}]" if stream else result,
            proxy_call=f"{'self._rpc_stream' if stream else 'await self._rpc_call'}{sent}",
            collection_result=f"_rpc.{'BroadcastStream' if stream else 'Broadcast'}[{result}]",
            collection_call=f"self._rpc_{'broadcast_stream' if stream else 'broadcast'}{sent}",
            handler_result=f"{iterator}[{result}] | {eager}[{result}]" if stream else f"{result} | {eager}[{result}]",
        )

    def _payload(self, method: Method, signature: Signature) -> str:
        """Return what a method sends: its parameters by name, or the only one that it has."""
        if signature.names and self._table.unpacked(method) is None:
            return signature.names[0]
        return f"{{{', '.join(f'{_string(name)}: {name}' for name in signature.names)}}}"

    def _request(self, method: Method, signature: Signature) -> str:
        """Return how a method's descriptor describes what it sends."""
        message = self._table.unpacked(method)
        if message is not None:
            return self._params(message, signature.names)
        if not signature.names:
            return f"_rpc.Params({self._scope.wire_class(EMPTY)}, ())"
        if is_native(method.request):
            return f"_rpc.Value({self._scope.wire_class(method.request)})"
        return self._scope.type_name(method.request)

    def _params(self, message: Message, names: tuple[str, ...]) -> str:
        fields = list(zip(map(_string, names), message.fields, strict=True))
        listed = ", ".join(name for name, _ in fields)
        arguments = [self._scope.wire_class(message.full_name), f"({listed}{',' if len(names) == 1 else ''})"]
        types = [f"{name}: {self._scope.type_name(field.type.name)}" for name, field in fields if is_classed(field)]
        defaults = [f"{name}: {self._scope.default(field)}" for name, field in fields if field.default]
        for keyword, items in (("types", types), ("defaults", defaults)):
            if items:
                arguments.append(f"{keyword}={{{', '.join(items)}}}")
        arguments += [f"stream={name}" for name, field in fields if field.stream]
        return f"_rpc.Params({', '.join(arguments)})"

    def _response(self, method: Method) -> str:
        """Return how a method's descriptor describes its result."""
        message = self._table.messages.get(method.response)
        if message is not None and not message.wire_only:
            return self._scope.type_name(method.response)
        arguments = [self._scope.wire_class(method.response)]
        if message is not None and not is_native(method.response):
            arguments += [self._scope.type_name(field.type.name) for field in message.fields if is_classed(field)]
        return f"_rpc.Value({', '.join(arguments)})"

    def _description(self, method: Method, name: str) -> tuple[str, ...]:
        return (
            f"role={_string(self._role.name)}",
            f"name={_string(method.name)}",
            f"path={_string(f'/{self._role.service}/{method.rpc}')}",
            f"attribute={_string(name)}",
            f"kind=_rpc.Kind.{_KINDS[method.client_stream, method.server_stream]}",
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
    doc = "\n\n".join(part for part in (f"{what} `{role.name}`.", role.doc) if part)
    return docstring(doc, deprecated=role.deprecated)


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

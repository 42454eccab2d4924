"""What the template of a package's `blocking.py` lays out: proxies and collections whose methods wait."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from oiafed_gen.python.docs import docstring
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.roles_view import class_names, collection_doc, proxy_doc
from oiafed_gen.python.scope import Imports, ModuleScope
from oiafed_gen.python.signatures import Signature, Signatures
from oiafed_gen.python.table import Package, Table


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlockingMethod:
    """A method of both classes.

    Attributes:
        signature: What it takes and gives.
        proxy_result, collection_result: What the method of each class gives.
        proxy_body, collection_body: What the method of each class does.
    """

    signature: Signature
    proxy_result: str
    proxy_body: str
    collection_result: str
    collection_body: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlockingRole:
    """The two classes of a role; `inner_proxy` and `inner_collection` are the asynchronous ones."""

    proxy: str
    collection: str
    proxy_doc: str
    collection_doc: str
    inner_proxy: str
    inner_collection: str
    methods: tuple[BlockingMethod, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BlockingView:
    """A package's `blocking.py`."""

    header: str
    doc: str
    imports: Imports
    roles: tuple[BlockingRole, ...]


def blocking_view(table: Table, package: Package, modules: Sequence[RoleModule], header: str) -> BlockingView:
    """Return what the module holds.

    Args:
        table: The schema's Python names.
        package: The folders of the package that the module is in.
        modules: The modules of the package's roles.
        header: The module's first line.
    """
    own = {name for module in modules for name in class_names(module.role)}
    scope = ModuleScope(table, package, own, is_types=False)
    scope.alias("_blocking")
    roles = tuple(_role(table, scope, module) for module in modules)
    doc = docstring(f"The roles of `{'.'.join(package)}` for code that waits, without `await`.")
    return BlockingView(header=header, doc=doc, imports=scope.imports(), roles=roles)


def _role(table: Table, scope: ModuleScope, module: RoleModule) -> BlockingRole:
    proxy, collection, _ = class_names(module.role)
    signatures = Signatures(table, scope, module.methods)
    return BlockingRole(
        proxy=proxy,
        collection=collection,
        proxy_doc=proxy_doc(module.role),
        collection_doc=collection_doc(module.role),
        inner_proxy=scope.role_class(module.name, proxy),
        inner_collection=scope.role_class(module.name, collection),
        methods=tuple(
            _method(scope, signatures.of(method), stream=method.server_stream, deprecated=method.deprecated)
            for method in module.role.methods
        ),
    )


def _method(scope: ModuleScope, signature: Signature, *, stream: bool, deprecated: bool) -> BlockingMethod:
    name, result = signature.name, signature.result
    given = [f"{parameter}={parameter}" for parameter in signature.names]
    scope.alias("_rpc")
    iterator = scope.alias("_Iterator") if stream else ""
    way = "iterate" if stream else "wait"
    if deprecated or name.startswith("_"):  # type checkers let no other class call it
        call = f"self._rpc_{way}_named({', '.join([repr(name), *given])})"
    else:
        call = f"self._rpc_{way}(self._rpc_inner.{name}({', '.join(given)}))"
    return BlockingMethod(
        signature=signature,
        proxy_result=f"{iterator}[{result}]" if stream else result,
        proxy_body=call if result == "None" and not stream else f"return {call}",
        collection_result=f"{iterator}[_rpc.Reply[{result}]]" if stream else f"_rpc.Replies[{result}]",
        collection_body=f"return {call}",
    )

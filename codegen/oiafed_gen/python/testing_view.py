"""What the template of a package's `testing.py` lays out: fakes of the roles, and the calls that they record."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from oiafed_gen.model import Method
from oiafed_gen.python.docs import docstring
from oiafed_gen.python.names import ALIASES, free
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.roles_view import class_names
from oiafed_gen.python.scope import Imports, ModuleScope
from oiafed_gen.python.signatures import CALLED_STREAM, Signature, Signatures, listed
from oiafed_gen.python.table import Package, Table
from oiafed_gen.spelling import pascal

_RECORD_RESERVED = ALIASES | {"rpc"}
"""What the record of a call, and the module around it, have a use for."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FakeMethod:
    """A method of a fake.

    Attributes:
        handled: What the fake's method takes and gives.
        result: What it returns.
        head, body: How it starts, and what it does.
        call: The class that records a call of it.
        base: What that class derives from.
        call_doc: That class's docstring.
        fields: The class's attributes.
        made: What that class is made with.
        kept: How it keeps that.
        script: What makes the method's script.
    """

    handled: Signature
    result: str
    head: str
    body: str
    call: str
    base: str
    call_doc: str
    fields: tuple[str, ...]
    made: tuple[str, ...]
    kept: tuple[str, ...]
    script: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FakeRole:
    """The fake of a role, and the class of its scripts, which are its attribute `scripts_name`."""

    fake: str
    handler: str
    scripts: str
    scripts_name: str
    fake_doc: str
    scripts_doc: str
    methods: tuple[FakeMethod, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TestingView:
    """A package's `testing.py`."""

    header: str
    doc: str
    imports: Imports
    roles: tuple[FakeRole, ...]


def testing_view(table: Table, package: Package, modules: Sequence[RoleModule], header: str) -> TestingView:
    """Return what the module holds.

    Args:
        table: The schema's Python names.
        package: The folders of the package that the module is in.
        modules: The modules of the package's roles.
        header: The module's first line.
    """
    classes = [_Classes.named(module) for module in modules]
    _tell_apart(classes, _parameters(table, modules))
    scope = ModuleScope(table, package, {name for each in classes for name in each.all()}, is_types=False)
    scope.alias("_testing")
    roles = tuple(_Role(table, scope, module, names).view() for module, names in zip(modules, classes, strict=True))
    doc = docstring(f"Fakes of the roles of `{'.'.join(package)}`, for tests.")
    return TestingView(header=header, doc=doc, imports=scope.imports(), roles=roles)


@dataclasses.dataclass(slots=True)
class _Classes:
    """The names of the classes of one role."""

    fake: str
    scripts: str
    calls: dict[str, str]

    @classmethod
    def named(cls, module: RoleModule) -> _Classes:
        stem = pascal(module.role.name)
        calls = {method.rpc: f"{stem}{pascal(method.name)}Call" for method in module.role.methods}
        return cls(f"Fake{stem}", f"{stem}Scripts", calls)

    def all(self) -> Iterable[str]:
        return (self.fake, self.scripts, *self.calls.values())


def _parameters(table: Table, modules: Sequence[RoleModule]) -> set[str]:
    """Return the names of all parameters, which hide classes of such names in the methods of fakes."""
    requests = {method.request for module in modules for method in module.role.methods}
    return {name for request in requests & table.types.keys() for name in table.types[request].attributes.values()}


def _tell_apart(classes: Sequence[_Classes], hidden: set[str]) -> None:
    """Have no two classes of the module share a name, nor those of calls one of `hidden`; fakes choose first."""
    taken: set[str] = set()

    def take(name: str, others: Iterable[str] = ()) -> str:
        found = free(name, {*taken, *others})
        taken.add(found)
        return found

    for each in classes:
        each.fake = take(each.fake)
    for each in classes:
        each.scripts = take(each.scripts)
        each.calls = {rpc: take(name, hidden) for rpc, name in each.calls.items()}


class _Role:
    """Makes the view of one role."""

    def __init__(self, table: Table, scope: ModuleScope, module: RoleModule, classes: _Classes) -> None:
        self._scope = scope
        self._role = module.role
        self._classes = classes
        self._handler = scope.role_class(module.name, class_names(module.role)[2])
        self._table = table
        self._methods = module.methods
        self._handled = Signatures(table, scope, module.methods, module.methods.values())

    def view(self) -> FakeRole:
        role, fake, scripts = self._role, self._classes.fake, self._classes.scripts
        name = free("on", self._methods.values())
        about = (
            f"Stands for a node of the role `{role.name}` in tests: `{name}` has the answers and calls of each method."
        )
        return FakeRole(
            fake=fake,
            handler=self._handler,
            scripts=scripts,
            scripts_name=name,
            fake_doc=docstring(about),
            scripts_doc=docstring(f"What the methods of a `{fake}` answer, and the calls that they got."),
            methods=tuple(self._method(method) for method in role.methods),
        )

    def _method(self, method: Method) -> FakeMethod:
        handled, call = self._handled.of(method), self._classes.calls[method.rpc]
        attributes = _attributes(handled.names)
        recorded = Signatures(self._table, self._scope, self._methods, {*attributes, *handled.names}).parameters(method)
        made = listed(recorded, CALLED_STREAM)
        plain = Signatures(self._table, self._scope, self._methods, ()).result(method)
        stream = method.server_stream
        if any("_rpc." in part for part in (*handled.handling, *made, plain, handled.result)):
            self._scope.alias("_rpc")
        iterator = self._scope.alias("_AsyncIterator") if stream else ""
        given = ", ".join(f"{name}={name}" for name in handled.names)
        kept = [f"self._rpc_received({name})" if name == handled.stream else name for name in handled.names]
        answer = "self._rpc_stream" if stream else "await self._rpc_unary"
        kind = "StreamScript" if stream else "UnaryScript"
        return FakeMethod(
            handled=handled,
            result=f"{iterator}[{handled.result}]" if stream else handled.result,
            head=f"def {handled.name}" if stream else f"async def {handled.name}",
            body=f'return {answer}("{handled.name}", {call}({given}))',
            call=call,
            base=f"_testing.RecordedCall[{plain}]",
            call_doc=docstring(f"A call of `{handled.name}` that a `{self._classes.fake}` got."),
            fields=tuple(
                f"{name}: {p.typed('_testing.Received')}" for name, p in zip(attributes, recorded, strict=True)
            ),
            made=made,
            kept=tuple(f"{name}={value}" for name, value in zip(attributes, kept, strict=True)),
            script=f'self.{handled.name} = _testing.{kind}({self._handler}, "{handled.name}", {call}, {call})',
        )


def _attributes(parameters: Iterable[str]) -> list[str]:
    """Name the attributes of a record as the parameters that they keep, where nothing is called so already."""
    names: list[str] = []
    for parameter in parameters:
        names.append(free(parameter, {*_RECORD_RESERVED, *names}))
    return names

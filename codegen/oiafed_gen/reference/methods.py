"""The methods of a role."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup, escape

from oiafed_gen.model import Mention, Method
from oiafed_gen.python.packages import RoleModule
from oiafed_gen.python.signatures import CALLED_STREAM, Signature, Signatures, with_star
from oiafed_gen.reference.book import Page
from oiafed_gen.reference.entries import Entries, deprecated
from oiafed_gen.reference.prose import code, link
from oiafed_gen.reference.views import Badge, Entry, Fact, MethodView, ParameterView, Section

_KINDS = {
    (False, False): "",
    (False, True): "server stream",
    (True, False): "client stream",
    (True, True): "two-way stream",
}
"""What is said of a method by which sides of a call are streams, the request first."""


class Methods:
    """Makes the views of a role's methods.

    Args:
        page: The page of the role.
        module: The role with its Python names.
    """

    def __init__(self, page: Page, module: RoleModule) -> None:
        self._page = page
        self._role = module.role
        self._table = page.book.table
        self._scope = page.scope(module.file)
        self._entries = Entries(self._table, self._scope, page.resolve)
        self._signatures = Signatures(self._table, self._scope, module.methods)

    def views(self) -> tuple[MethodView, ...]:
        """Return all of them, in the schema's order."""
        return tuple(self._view(method) for method in self._role.methods)

    def _view(self, method: Method) -> MethodView:
        signature = self._signatures.of(method)
        stream = self._scope.alias("collections.abc", "AsyncIterator")
        result = f"{stream}[{signature.result}]" if method.server_stream else signature.result
        return MethodView(
            id=method.name,
            name=signature.name,
            head="def" if method.server_stream else "async def",
            parameters=tuple(self._parameters(signature)),
            result=self._scope.linked(result),
            badges=tuple(_badges(method)),
            doc=self._page.prose(method.doc),
            sections=tuple(self._sections(method)),
            facts=tuple(self._facts(method)),
        )

    def _parameters(self, signature: Signature) -> Iterator[ParameterView]:
        listed = list(with_star(signature.parameters))
        for number, each in enumerate(listed, 1):
            yield ParameterView(
                name=f"{each.name}: " if each else "*",
                type=self._scope.linked(each.typed(CALLED_STREAM) if each else ""),
                default=f" = {each.default}" if each and each.default else "",
                comma=", " if number < len(listed) else "",
            )

    def _sections(self, method: Method) -> Iterator[Section]:
        message = self._table.unpacked(method)
        if message is not None:
            yield from self._entries.sections(message, "Parameters", method.name)
        if method.errors:
            yield Section("Raises", tuple(self._raised(method, error) for error in method.errors))

    def _raised(self, method: Method, error: Mention) -> Entry:
        message = self._table.messages[error.name]
        return Entry(
            id=f"{method.name}.raises-{error.name}",
            name="",
            mark="",
            type=self._scope.linked(self._scope.type_name(error.name)),
            default="",
            notes=(),
            badges=deprecated(message.deprecated),
            doc=self._page.prose(message.doc),
        )

    def _facts(self, method: Method) -> Iterator[Fact]:
        yield Fact("Callers", self._callers(method))
        yield Fact("Timeout", escape(_timeout(method.timeout)))
        yield Fact("Delivery", escape(_delivery(method)))
        yield Fact("On the wire", code(f"/{self._role.service}/{method.rpc}"))

    def _callers(self, method: Method) -> Markup:
        if not method.callers:
            return Markup("any role")
        names = [caller.name for caller in method.callers]
        addresses = self._page.book.addresses
        return Markup(", ").join(link(name, self._page.to(addresses.named_role(name))) for name in names)


def _badges(method: Method) -> Iterator[Badge]:
    kind = _KINDS[method.client_stream, method.server_stream]
    if kind:
        yield Badge(kind, "kind")
    if method.idempotent:
        yield Badge("idempotent", "good")
    yield from deprecated(method.deprecated)


def _timeout(seconds: float | None) -> str:
    """Return a deadline in seconds, and in larger units where it is long."""
    if seconds is None:
        return "as the caller is configured"
    text = f"{seconds:g} s" if seconds < 1e6 else f"{seconds:.0f} s"
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds > size or seconds == size:
            return f"{text} ({seconds / size:.3g} {unit})"
    return text


def _delivery(method: Method) -> str:
    if method.idempotent:
        return "may run twice with the same effect, so it is tried again freely"
    return "never runs twice: it is tried again only where it has provably not run"

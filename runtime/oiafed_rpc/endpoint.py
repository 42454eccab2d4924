"""The receiving side of a node: finds the handler of a call, and runs it within the call's deadline."""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from oiafed_rpc.bounded import bounded
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.context import CURRENT
from oiafed_rpc.dynamic import DYNAMIC
from oiafed_rpc.errors import Code, RpcError, as_rpc_error
from oiafed_rpc.handlers import Handler, Target, check_signature, takes_whole_payload
from oiafed_rpc.interceptors import Context, Interceptor, Side, compose
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.streams import close, item_in_time


class Endpoint:
    """What a node offers to its peers; a transport hands it the requests that arrive.

    Attributes:
        node_id: The id of the node.
        role: Its role.
        serializers: What it reads and writes objects with.
        incarnation: What tells this start of the node from its former ones.
    """

    def __init__(self, node_id: str, role: str, interceptors: Sequence[Interceptor], serializers: Serializers) -> None:
        self.node_id = node_id
        self.role = role
        self.serializers = serializers
        self.incarnation = ""
        self._typed: dict[str, tuple[Method[Any], Target]] = {}
        self._named: dict[str, list[tuple[Method[Any] | None, Target]]] = {}
        self._chain = compose(interceptors, Context(Side.HANDLER, node_id), self._dispatch)

    def register(self, handler: Handler, *, by_name: bool = True) -> None:
        """Offer the methods of a generated handler.

        Args:
            handler: What answers them.
            by_name: Whether schema-less calls reach them too; those of the system leave the names to users.

        Raises:
            RpcError: ALREADY_EXISTS where one of them is offered already; then none is added.
            TypeError: where a method does not take the parameters that the schema gives it.
        """
        specs = type(handler).__methods__
        for spec in specs:
            if spec.path in self._typed:
                raise self._taken(spec.title)
            if by_name and any(method is None for method, _ in self._named.get(spec.name, ())):
                raise self._taken(repr(spec.name))
            check_signature(handler, spec)
        for spec in specs:
            unpack = isinstance(spec.request, Params)
            target = Target(getattr(handler, spec.attribute), unpack=unpack, typed=True)
            self._typed[spec.path] = spec, target
            if by_name:
                self._named.setdefault(spec.name, []).append((spec, target.for_dynamic(spec)))

    def _taken(self, what: str) -> RpcError:
        return RpcError(Code.ALREADY_EXISTS, f"node {self.node_id!r} has a handler for {what} already")

    def register_function(self, name: str, function: Callable[..., Any], unpack: bool | None) -> None:
        """Offer a function to schema-less calls.

        Raises:
            RpcError: ALREADY_EXISTS where the name is taken.
        """
        if name in self._named:
            raise self._taken(repr(name))
        by_name = not takes_whole_payload(function) if unpack is None else unpack
        self._named[name] = [(None, Target(function, unpack=by_name, typed=False))]

    def spec(self, path: str) -> Method[Any] | None:
        """The description of a method by its gRPC path, if this node offers it."""
        found = self._typed.get(path)
        return found[0] if found else DYNAMIC.get(path)

    async def receive(self, message: Message) -> Message:
        """Answer a request. The payload of a reply to a streaming method is an asynchronous iterator.

        Raises:
            RpcError: where the call failed, whatever the reason.
        """
        token = CURRENT.set(message)
        try:
            reply: Message = await bounded(self._chain(message), message.deadline, message.method)
            return reply
        except RpcError:
            raise
        except Exception as error:
            raise self._unexpected(error, message) from error
        finally:
            CURRENT.reset(token)

    def _unexpected(self, error: Exception, message: Message) -> RpcError:
        logger.error("%s failed on node %r", message.method, self.node_id, exc_info=error)
        return as_rpc_error(error, self.node_id, message.method)

    async def _dispatch(self, message: Message) -> Message:
        if message.target != self.node_id:
            raise RpcError(
                Code.NOT_FOUND,
                f"node {self.node_id!r} answers here, but the call is for {message.target!r}: "
                "the address belongs to another node",
            )
        CURRENT.set(message)  # as the interceptors left it; `receive` takes it back
        spec, rules, target = self._find(message)
        if rules.callers and message.role not in rules.callers:
            allowed = " or ".join(rules.callers)
            caller = f"role {message.role!r}" if message.role else "a caller without a role"
            raise RpcError(Code.PERMISSION_DENIED, f"{caller} may not call {message.method}: only {allowed} may")
        if message.undecoded:
            message.payload = self._decode(spec, message)
            message.undecoded = False
        if spec.kind is Kind.UNARY:
            result = await target(message.payload, message.method)
            self._check(rules, result)
            return message.reply(result)
        items = await target.stream(message.payload, message.method)
        return message.reply(self._items(rules, items, message))

    def _find(self, message: Message) -> tuple[Method[Any], Method[Any], Target]:
        """How the call travels, the method whose rules hold for it, and what answers it."""
        spec = message.spec
        if spec is None:
            raise self._no_method(message.method, self._titles())
        if spec.role:
            found = self._typed.get(spec.path)
            if found is None:
                raise self._no_method(message.method, self._titles())
            return spec, *found
        targets = self._named.get(message.method, [])
        if not targets:
            raise self._no_method(message.method, list(self._named))
        if len(targets) > 1:
            raise RpcError(Code.FAILED_PRECONDITION, f"several handlers of {self.node_id!r} have {message.method!r}")
        method, target = targets[0]
        if target.kind is not spec.kind:
            right, wrong = ("stream", "call") if spec.kind is Kind.UNARY else ("call", "stream")
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"{message.method!r} of node {self.node_id!r} is for proxy.{right}(...), not proxy.{wrong}(...)",
            )
        return spec, method or spec, target

    def _titles(self) -> list[str]:
        return [spec.title for spec, _ in self._typed.values()]

    def _no_method(self, name: str, known: list[str]) -> RpcError:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return RpcError(
            Code.UNIMPLEMENTED,
            f"node {self.node_id!r} (role {self.role!r}) has no method {name!r}{hint}",
            {"node": self.node_id, "method": name},
        )

    def _decode(self, spec: Method[Any], message: Message) -> Any:
        try:
            return spec.request_codec.decode(message.payload, self.serializers)
        except FieldError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{message.method}: {error}") from error

    def _check(self, spec: Method[Any], result: Any) -> None:
        try:
            spec.response_codec.check(result)
        except FieldError as error:
            raise RpcError(
                Code.INTERNAL,
                f"the handler of {spec.title} on node {self.node_id!r} returned what the schema forbids: {error}",
                {"node": self.node_id, "method": spec.title},
            ) from None

    async def _items(self, spec: Method[Any], items: AsyncIterator[Any], message: Message) -> AsyncGenerator[Any, None]:
        try:
            while True:
                token = CURRENT.set(message)
                try:
                    item = await item_in_time(items, message.deadline, message.method)
                except StopAsyncIteration:
                    return
                except RpcError:
                    raise
                except Exception as error:
                    raise self._unexpected(error, message) from error
                finally:
                    CURRENT.reset(token)
                self._check(spec, item)
                yield item
        finally:
            await close(items)

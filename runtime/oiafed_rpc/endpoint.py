"""The receiving side of a node: finds the handler of a call, and runs it within the call's deadline."""

from __future__ import annotations

import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, cast

from oiafed_rpc.bounded import Waits, first_step, rest
from oiafed_rpc.callers import check_caller
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.config import DeliveryConfig, LimitsConfig
from oiafed_rpc.config.rule import nearest
from oiafed_rpc.context import CURRENT
from oiafed_rpc.delivery.memory import Memory
from oiafed_rpc.draining import Draining
from oiafed_rpc.dynamic import DYNAMIC
from oiafed_rpc.errors import Code, RetriableError, RpcError, as_rpc_error
from oiafed_rpc.fencing import Fence
from oiafed_rpc.handlers import Handler, Target, check_signature, takes_whole_payload
from oiafed_rpc.interceptors import Context, Interceptor, Side, checked_reply, compose
from oiafed_rpc.limits import Gate, Limits
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.requests import RequestStream
from oiafed_rpc.schemas.offers import Offer, Offers
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.streams import close, item_in_time
from oiafed_rpc.wire import Wire


class Endpoint:
    """What a node offers to its peers; a transport hands it the requests that arrive.

    Args:
        node_id: The id of the node.
        role: Its role.
        interceptors: What every call passes through.
        wire: What turns its messages to bytes and back.
        limits: How many calls are answered at a time.
        debug: Whether errors tell the traceback of their handler.
        delivery: How much is remembered of the calls.

    Attributes:
        node_id: The id of the node.
        role: Its role.
        wire: What turns its messages to bytes and back.
        incarnation: What tells this start of the node from its former ones.
        draining: Whether calls are still taken, and those under way.
        memory: The calls that are remembered.
        limits: How many calls are answered at a time.
        fence: Which start of each node counts.
    """

    def __init__(
        self,
        node_id: str,
        role: str,
        interceptors: Sequence[Interceptor] = (),
        wire: Wire | None = None,
        *,
        limits: LimitsConfig | None = None,
        debug: bool = False,
        delivery: DeliveryConfig | None = None,
    ) -> None:
        self.node_id = node_id
        self.role = role
        self.wire = wire or Wire(Serializers())
        self.incarnation = ""
        self.draining = Draining(node_id)
        self.memory = Memory(node_id, delivery or DeliveryConfig(), self.wire.serializers)
        self.limits = Limits(limits or LimitsConfig(), node_id)
        self.fence = Fence(node_id)
        self._debug = debug
        self._typed: dict[str, tuple[Method[Any], Target]] = {}
        self._named: dict[str, list[Target]] = {}
        self._offers = Offers(node_id)
        context = Context(Side.HANDLER, node_id)
        self._chain = compose(interceptors, context, self._dispatch) if interceptors else None

    @property
    def services(self) -> list[str]:
        """The full names of the gRPC services that the node offers, its own and those that every node has."""
        paths = [*self._typed, *DYNAMIC]
        return sorted({path.split("/")[1] for path in paths})

    @property
    def methods(self) -> list[Method[Any]]:
        """The methods of a schema that the node offers."""
        return [spec for spec, _ in self._typed.values() if not spec.provided]

    def check_limits(self) -> None:
        """Tell in the log of limits of methods that the node does not have, where it has any by now."""
        names = {spec.name for spec in self.methods} | set(self._named)
        for name in self.limits.config.methods:
            if names and name not in names:
                told = "node %r has no handler of %r, which limits.methods has%s"
                logger.warning(told, self.node_id, name, nearest(name, sorted(names)))

    def offer_told(self) -> Offer:
        """The same as others are told of them."""
        return self._offers.tell(self.methods)

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
            if by_name and any(target.spec is None for target in self._named.get(spec.name, ())):
                raise self._taken(repr(spec.name))
            check_signature(handler, spec)
        for spec in specs:
            target = self.offer(spec, getattr(handler, spec.attribute))
            if by_name:
                self._named.setdefault(spec.name, []).append(target.for_dynamic(spec))

    def offer(self, spec: Method[Any], function: Callable[..., Any]) -> Target:
        """Offer one method, by its path alone."""
        gate = self.limits.open if spec.provided else self.limits.of(spec.name)
        target = Target(function, gate, unpack=isinstance(spec.request, Params), typed=True)
        self._typed[spec.path] = spec, target
        self._offers.grow()
        return target

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
        self._named[name] = [Target(function, self.limits.of(name), unpack=by_name, typed=False)]

    def spec(self, path: str) -> Method[Any] | None:
        """The description of a method by its gRPC path, if this node offers it."""
        found = self._typed.get(path)
        return found[0] if found else DYNAMIC.get(path)

    async def receive(self, message: Message) -> Message:
        """Answer a request. The payload of a reply to a streaming method is an asynchronous iterator.

        Raises:
            RpcError: where the call failed, whatever the reason.
        """
        if self._chain is None:
            return message.reply(await self._run(self._handle(message), message))
        reply: Message = await self._run(self._checked(self._chain(message)), message)
        return reply

    def answer(self, message: Message, waits: Waits) -> Coroutine[Any, Any, Any]:
        """The result of a call from the same event loop, as `receive` gives it.

        Args:
            message: The request.
            waits: Where the caller's side can end the call.
        """
        if self._chain is None:
            return self._run(self._handle(message), message, waits)
        return self._run(self._payload(self._chain(message)), message, waits)

    @staticmethod
    async def _checked(chain: Coroutine[Any, Any, Message]) -> Message:
        return checked_reply(await chain)

    @staticmethod
    async def _payload(chain: Coroutine[Any, Any, Message]) -> Any:
        return checked_reply(await chain).payload

    async def _run(self, steps: Coroutine[Any, Any, Any], message: Message, *waits: Waits) -> Any:
        token = CURRENT.set(message)
        try:
            came, done = first_step(steps, message.method)
            if not done:
                came = await rest(steps, came, message, message.method, (self.draining.waits, *waits))
        except RpcError:
            message.cancelled = True
            raise
        except Exception as error:
            raise self._unexpected(error, message) from error
        except BaseException:
            message.cancelled = True
            raise
        finally:
            CURRENT.reset(token)
        return came

    def _unexpected(self, error: Exception, message: Message) -> RpcError:
        logger.error("%s failed on node %r", message.method, self.node_id, exc_info=error)
        return as_rpc_error(error, self.node_id, message.method, debug=self._debug)

    async def drain(self, grace: float) -> None:
        """Take no more calls, those that wait for their turn included, and let those under way end within `grace`."""
        self.limits.refuse(self.draining.refusal)
        await self.draining.drain(grace)

    async def _dispatch(self, message: Message) -> Message:
        """What the interceptors lead to."""
        CURRENT.set(message)  # as they left it; `_run` takes it back
        return message.reply(await self._handle(message))

    async def _handle(self, message: Message) -> Any:
        if message.target != self.node_id:
            raise RpcError(
                Code.NOT_FOUND,
                f"node {self.node_id!r} answers here, but the call is for {message.target!r}: "
                "the address belongs to another node",
            )
        if self.fence.former:
            self.fence.check_call(message.source, message.call_id)
        attempt = message.attempt
        if attempt is not None:
            attempt.check(message)
        spec, rules, target = self._find(message)
        if rules.callers or message.identity is not None:
            check_caller(rules, message)
        if attempt is not None and (former := attempt.former(message)) is not None:
            return await former.until_ended()
        if self.draining.stopping and not spec.provided:
            raise self.draining.refusal()
        if attempt is not None and (noting := attempt.enter(message)) is not None:
            await noting
        gate = target.gate
        if not gate.enter():
            await gate.wait()
        lasts = False
        try:
            if message.undecoded:
                await self._decode(spec, message)
            try:
                if message.items is not None or spec.gives_stream:
                    result = await self._streamed(spec, rules, target, message)
                    lasts = spec.gives_stream  # which gives its place back at its end
                    return result
                result = await target(message.payload, message.method)
            except RetriableError as error:
                error.ran = True
                raise
        finally:
            if not lasts:
                gate.leave()
        self._check(rules, result)
        return result

    async def _decode(self, spec: Method[Any], message: Message) -> None:
        if message.schema and spec.role and not spec.provided:
            self._offers.check(message.schema, spec.path)
        if spec.takes_stream:
            await self.wire.decode_stream(message)
        else:
            await self.wire.decode_request(message)

    async def _streamed(self, spec: Method[Any], rules: Method[Any], target: Target, message: Message) -> Any:
        """Answer a call of which one side, or both, is a stream."""
        payload, items = self._arguments(spec, rules, message)
        if spec.gives_stream:
            answers = await target.stream(payload, message.method)
            reply = self._items(rules, answers, message, items, target.gate)
            await anext(reply)  # from here on, whatever ends it gives its place back
            return reply
        try:
            result = await target(payload, message.method)
        finally:
            if items is not None:
                await items.aclose()
        self._check(rules, result)
        return result

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
        (target,) = targets
        if target.gives_stream is not spec.gives_stream:
            right, wrong = ("stream", "call") if target.gives_stream else ("call", "stream")
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"{message.method!r} of node {self.node_id!r} is for proxy.{right}(...), not proxy.{wrong}(...)",
            )
        if spec.takes_stream and not message.stream:
            raise RpcError(Code.INVALID_ARGUMENT, f"{message.method!r}: the request names no parameter for its stream")
        if target.spec is not None and target.spec.takes_stream is not spec.takes_stream:
            takes = "takes a stream: give it a generator" if target.spec.takes_stream else "takes no stream"
            raise RpcError(Code.FAILED_PRECONDITION, f"{message.method!r} of node {self.node_id!r} {takes}")
        return spec, target.spec or spec, target

    @staticmethod
    def _arguments(spec: Method[Any], rules: Method[Any], message: Message) -> tuple[Any, RequestStream[Any] | None]:
        """What the handler is called with, and the stream in it."""
        if message.items is None:
            return message.payload, None
        came = message.items
        if rules is not spec:  # a typed handler, and a caller without its schema
            came = _adopted(rules, came, message.method)
        items = RequestStream[Any](came)
        request = spec.request
        name = request.stream if isinstance(request, Params) else message.stream
        if not name:
            return items, items
        beside: object = message.payload
        if not isinstance(beside, dict) or name in beside:
            raise RpcError(
                Code.INVALID_ARGUMENT,
                f"{message.method}: the first message is to have the parameters beside the stream {name!r}, as a dict",
            )
        return {**cast("dict[str, Any]", beside), name: items}, items

    def _titles(self) -> list[str]:
        return [spec.title for spec in self.methods]

    def _no_method(self, name: str, known: list[str]) -> RpcError:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return RpcError(
            Code.UNIMPLEMENTED,
            f"node {self.node_id!r} (role {self.role!r}) has no method {name!r}{hint}",
            {"node": self.node_id, "method": name},
        )

    def _check(self, spec: Method[Any], result: Any) -> None:
        try:
            spec.response_codec.check(result)
        except FieldError as error:
            raise RpcError(
                Code.INTERNAL,
                f"the handler of {spec.title} on node {self.node_id!r} returned what the schema forbids: {error}",
                {"node": self.node_id, "method": spec.title},
            ) from None

    async def _items(
        self,
        spec: Method[Any],
        answers: AsyncIterator[Any],
        message: Message,
        items: RequestStream[Any] | None,
        gate: Gate,
    ) -> AsyncGenerator[Any, None]:
        """The items of a reply, after one that is none."""
        with self.draining.stream():
            try:
                yield None
                while True:
                    self.draining.check_stream()
                    try:
                        answer = await self._answer(answers, message)
                    except StopAsyncIteration:
                        return
                    self._check(spec, answer)
                    yield answer
            except BaseException:
                message.cancelled = True
                raise
            finally:
                gate.leave()
                if items is not None:
                    await items.aclose()
                await close(answers)

    async def _answer(self, answers: AsyncIterator[Any], message: Message) -> Any:
        """The next item of a reply; raises StopAsyncIteration at the end."""
        token = CURRENT.set(message)
        try:
            return await item_in_time(answers, message, message.method, (self.draining.waits,))
        except RetriableError as error:
            error.ran = True
            raise
        except (RpcError, StopAsyncIteration):
            raise
        except Exception as error:
            raise self._unexpected(error, message) from error
        finally:
            CURRENT.reset(token)


async def _adopted(spec: Method[Any], items: AsyncIterator[Any], title: str) -> AsyncIterator[Any]:
    """Plain items as those of a method's schema."""
    async for item in items:
        try:
            yield spec.item_codec.adopt(item)
        except FieldError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{title}: {error}") from None

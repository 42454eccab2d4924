"""The calling side of a node: makes the request, sends it through the interceptors, and bounds the wait."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from oiafed_rpc.bounded import GRACE, Waits, first_step, rest
from oiafed_rpc.codec.messages import Params
from oiafed_rpc.codec.misfit import FieldError, mismatch
from oiafed_rpc.context import give_deadline
from oiafed_rpc.delivery.redelivery import Lasting
from oiafed_rpc.dynamic import WITH_STREAM, stream_in
from oiafed_rpc.errors import Code, RetriableError, RpcError, as_rpc_error
from oiafed_rpc.forking import on_fork
from oiafed_rpc.interceptors import Context, Interceptor, Side, checked_reply, compose
from oiafed_rpc.lifecycle import orphaned
from oiafed_rpc.message import Encoded, Message
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.options import Options
from oiafed_rpc.repeating import Repeating, judged
from oiafed_rpc.requests import Source
from oiafed_rpc.retry import RetryPolicy
from oiafed_rpc.schemas.acquaintances import Acquaintances
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.streams import close, item_in_time
from oiafed_rpc.transport.base import Transport
from oiafed_rpc.turns import Turn
from oiafed_rpc.wire.bodies import PROTO, spec_of


class Shared(NamedTuple):
    """What the calls of one broadcast share.

    Attributes:
        encoded: The encoding of the payload.
        turn: This call's turn in the room that there is for all large replies.
    """

    encoded: Encoded | None
    turn: Turn | None


class Caller:
    """Makes calls on behalf of one node.

    Args:
        node_id: Its id.
        role: Its role.
        transport: What carries the calls.
        interceptors: What they pass through, in order.
        serializers: What their payloads are sent with.
        timeout: Seconds that a call may take where neither its method nor its caller says.
        retry: How failed attempts are repeated; None for not at all.
        lasting: How long calls outlive a link that breaks.

    Attributes:
        serializers: As given.
        lasting: As given.
        withdraw: Tells a node of a call that was given up; set before the first call.
        schemas: What the nodes that it calls have told of their schemas.
    """

    def __init__(
        self,
        node_id: str,
        role: str,
        transport: Transport,
        interceptors: Sequence[Interceptor],
        serializers: Serializers,
        timeout: float,
        retry: RetryPolicy | None,
        lasting: Lasting,
    ) -> None:
        self.serializers = serializers
        self.schemas = Acquaintances()
        self.lasting = lasting
        self.withdraw: Callable[[Message], None] = lambda _: None
        self._told = self.schemas.of
        self._ledgers = self.schemas.ledgers
        self._node_id = node_id
        self._role = role
        self._transport = transport
        self._timeout = timeout
        self._retry = retry
        self._typed = "" if serializers.typed == PROTO else serializers.typed
        self._calls = itertools.count(1)
        self._incarnation = ""
        self._waits: dict[str, Waits] = {}
        context = Context(Side.CALLER, node_id)
        self._chain = compose(interceptors, context, self._send) if interceptors else None
        self._absence: Callable[[str], RpcError] = self._not_running
        on_fork(self)

    def forked(self) -> None:
        """In a child of the process: a node that runs in the parent makes no calls here."""
        if self._incarnation:
            self._incarnation = ""
            self._absence = lambda _: orphaned(self._node_id)

    def _not_running(self, name: str) -> RpcError:
        told = f"node {self._node_id!r} is not running: start it before it calls {name}"
        return RpcError(Code.FAILED_PRECONDITION, told)

    def begin(self, incarnation: str) -> None:
        """Start numbering calls for an incarnation of the node."""
        self._incarnation = incarnation

    @property
    def kept(self) -> list[str]:
        """The nodes that remember calls which are under way."""
        return [target for target, waits in self._waits.items() if waits and target in self._ledgers]

    def fail(self) -> None:
        """End the calls under way."""
        for target, waits in self._waits.items():
            told = f"node {self._node_id!r} was stopped during a call to {target!r}"
            waits.fail(functools.partial(RpcError, Code.UNAVAILABLE, told))

    async def end(self) -> None:
        """Make no more calls, and end those under way."""
        self._incarnation = ""
        self.fail()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                for waits in self._waits.values():
                    await waits.until_empty()
        self._waits.clear()
        self.schemas.clear()

    def lose(self, target: str, why: str) -> None:
        """Fail the calls that wait on a node that is lost."""
        waits = self._waits.get(target)
        if waits is not None:
            waits.fail(lambda: RetriableError(f"node {target!r} was lost: {why}", {"node": target}))

    async def unary(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Shared | None = None
    ) -> Any:
        """Make a call and give its result.

        Raises:
            RpcError: where it failed, whatever the reason.
        """
        request = self._message(spec, name, target, payload, options, shared)
        if request.items is not None:
            return await self._with_items(request, options)
        try:
            beside = self._transport.beside(target) if self._chain is None else None
            if beside is not None:
                return await beside.answer(request, self._waits_on(target))
            return (await self._reply(request)).payload
        except RetriableError as error:
            repeating = self._repeating(error, request, payload, options)
        except asyncio.CancelledError:
            self._give_up(request)
            raise
        try:
            return (await repeating.until_done(self._reply)).payload
        except asyncio.CancelledError:
            self._give_up(repeating.request)
            raise

    def _give_up(self, request: Message) -> None:
        if request.ledger and self._incarnation:
            self.withdraw(request)

    async def _with_items(self, request: Message, options: Options) -> Any:
        """The result of a call whose request is a stream."""
        async with self._source(request, options):
            return (await self._reply(request)).payload

    @contextlib.asynccontextmanager
    async def _source(self, request: Message, options: Options) -> AsyncGenerator[None, None]:
        """Ends the stream of a request with its call, which is made once: what the stream gave is gone."""
        source = cast("Source", request.items)
        try:
            yield
        except RetriableError as error:
            raise judged(error, request, may_repeat=options.may_repeat(request)) from error.__cause__
        finally:
            await source.aclose()
            if source.failure is not None:
                raise source.failure

    async def stream(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Shared | None = None
    ) -> AsyncGenerator[Any, None]:
        """Make a call and give the items of its result as they come.

        A call that fails before its first item came is repeated as a unary one is.

        Raises:
            RpcError: where it failed, whatever the reason.
        """
        request = self._message(spec, name, target, payload, options, shared)
        async with contextlib.AsyncExitStack() as stack:
            if request.items is not None:
                await stack.enter_async_context(self._source(request, options))
                opened = await self._open(request)
            else:
                try:
                    opened = await self._open(request)
                except RetriableError as error:
                    opened = await self._repeating(error, request, payload, options).until_done(self._open)
            stack.push_async_callback(close, opened.items)
            some = bool(opened.first)
            while opened.first:
                yield opened.first.pop()
            while some:
                try:
                    item = await self._next(opened.items, request)
                except StopAsyncIteration:
                    return
                except RetriableError as error:
                    raise judged(error, request, may_repeat=options.may_repeat(request)) from error.__cause__
                yield item
                del item  # it may be large, and the next is waited for

    async def _open(self, request: Message) -> _Opened:
        items: AsyncIterator[Any] = (await self._reply(request)).payload
        try:
            return _Opened([await self._next(items, request)], items)
        except StopAsyncIteration:
            return _Opened([], items)
        except BaseException:
            await close(items)
            raise

    async def _next(self, items: AsyncIterator[Any], request: Message) -> Any:
        try:
            return await item_in_time(items, request, request.method, self._ends(request))
        except RpcError as error:
            self._heed(error, request)
            raise

    def _repeating(self, error: RetriableError, request: Message, payload: Any, options: Options) -> Repeating:
        policy = self._policy(options)
        if policy is not None:
            policy = replace(policy, total_timeout=None)  # the deadline has it already

        def renewed(former: Message, anew: bool) -> Message:
            shared = Shared(former.encoded, former.turn)
            again = self._message(spec_of(former), former.method, former.target, payload, options, shared)
            if not anew:
                again.call_id, again.ledger = former.call_id, former.ledger
            again.deadline, again.latest = former.deadline, former.latest
            again.default_deadline = former.default_deadline
            return again

        return Repeating(error, request, renewed, policy, self.lasting, may_repeat=options.may_repeat(request))

    def _policy(self, options: Options) -> RetryPolicy | None:
        return self._retry if options.retry is None else options.retry or None

    def _message(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options, shared: Shared | None
    ) -> Message:
        if not self._incarnation:
            raise self._absence(name)
        try:
            if spec.role and not spec.takes_stream:
                spec.request_codec.check(payload)
                message = Message(name, self._node_id, target, payload, dict(options.metadata))
            else:
                spec, message = self._with_stream(spec, name, target, payload, options)
        except FieldError as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{name}: {error}", {"method": name}) from None
        message.call_id = f"{self._incarnation}-{next(self._calls)}"
        timeout = options.timeout or spec.timeout
        policy = self._policy(options)
        if policy is not None and policy.total_timeout is not None:
            message.latest = time.monotonic() + policy.total_timeout
            timeout = self._in_all(timeout, policy.total_timeout)
        give_deadline(message, timeout or self._timeout, default=not timeout)
        message.role = self._role
        message.spec = spec
        if self._ledgers and policy is not None and spec.kind is Kind.UNARY and not spec.provided:
            message.ledger = self._ledgers.get(target, "")
        if shared is not None:
            message.encoded, message.turn = shared
        if options.progress is not None:
            message.progress = options.progress
        if self._typed or options.serializer is not None:
            message.serializer = self._serializer(spec, options)
        return message

    def _in_all(self, timeout: float | None, total: float) -> float | None:
        """The timeout where all attempts together have one as well; None for the node's own."""
        return min(timeout, total) if timeout else total if total < self._timeout else None

    def _with_stream(
        self, spec: Method[Any], name: str, target: str, payload: Any, options: Options
    ) -> tuple[Method[Any], Message]:
        """The message of a call that has, or may have, a stream among its parameters."""
        stream = stream_in(name, payload) if not spec.role else ""
        spec = WITH_STREAM[spec] if stream else spec
        source: Source | None = None
        if spec.takes_stream:
            payload, source = _parted(spec, payload, stream)
        if spec.has_head:
            spec.request_codec.check(payload)
        message = Message(name, self._node_id, target, payload, dict(options.metadata), items=source, stream=stream)
        return spec, message

    def _serializer(self, spec: Method[Any], options: Options) -> str:
        """What names the serializer of a call: nothing where that is what the receiver expects anyway."""
        if spec.provided:
            return ""
        if not spec.role:
            return options.serializer or ""
        named = self._typed if options.serializer is None else options.serializer
        return "" if named == PROTO else named

    def _waits_on(self, target: str) -> Waits:
        """Where the waits on a node are entered, for `lose` and `end`."""
        waits = self._waits.get(target)
        if waits is None:
            waits = self._waits[target] = Waits()
        return waits

    async def _reply(self, message: Message) -> Message:
        try:
            steps = self._send(message) if self._chain is None else self._chain(message)
            reply, done = first_step(steps, message.method)
            if not done:
                reply = await rest(steps, reply, message, message.method, self._ends(message))
            return checked_reply(reply)
        except RpcError as error:
            self._heed(error, message)
            raise
        except Exception as error:
            failure = as_rpc_error(error, self._node_id, message.method)
            self._heed(failure, message)
            raise failure from error

    def _heed(self, error: RpcError, message: Message) -> None:
        """Note what a failed attempt tells of its target; its reply does not come, and gives its turn to another."""
        self.schemas.heed(error, message.target)
        if message.turn is not None:
            message.turn.leave()

    def _ends(self, message: Message) -> tuple[Waits, ...]:
        """What can end the wait for a reply; nothing that of the protocol itself, which finds out who is lost."""
        spec = message.spec
        return () if spec is not None and spec.provided else (self._waits_on(message.target),)

    def _send(self, message: Message) -> Coroutine[Any, Any, Message]:
        if self._told:
            known = self._told.get(message.target)
            if known is not None:
                if message.spec not in known.alike:
                    return self._send_admitted(message)
                message.schema = known.schema
        return self._deliver(message)

    async def _send_admitted(self, message: Message) -> Message:
        return await self._deliver(await self.schemas.admit(message))

    def _deliver(self, message: Message) -> Coroutine[Any, Any, Message]:
        if message.spec is None or not message.spec.gives_stream:
            return self._transport.send(message.target, message)
        return self._opened(message)

    async def _opened(self, message: Message) -> Message:
        return message.reply(self._transport.stream(message.target, message))


class _Opened(NamedTuple):
    """A stream of which the first item has come, if there is one."""

    first: list[Any]
    items: AsyncIterator[Any]


def _parted(spec: Method[Any], payload: Any, stream: str) -> tuple[Any, Source]:
    """The payload of a request, and the stream in it.

    Raises:
        FieldError: where there is no stream.
    """
    name = spec.request.stream if isinstance(spec.request, Params) else stream
    given = payload[name] if name else payload
    rest = {key: value for key, value in payload.items() if key != name} if name else None
    try:
        return rest, Source(given, spec.item_codec.check)
    except TypeError:
        raise FieldError(name, mismatch("an iterable of items", given, TypeError())) from None

"""The listening side: routes gRPC calls to the node's endpoint."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import grpc
from grpc import aio

from oiafed_rpc.body import Body, Compressor
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.reference import has_reference, split, with_reference
from oiafed_rpc.delivery.answer import Answer, failed
from oiafed_rpc.delivery.memory import Attempt
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Identity, Message
from oiafed_rpc.method import Kind
from oiafed_rpc.streams import close, next_item
from oiafed_rpc.transport.grpc.failures import DETAILS_KEY, GRPC_CODES
from oiafed_rpc.wire.headers import ENCODING, request_from, title_from
from oiafed_rpc.wire.status import shortened

if TYPE_CHECKING:
    _Context = aio.ServicerContext[bytes, bytes]
    _Handler = grpc.RpcMethodHandler[bytes, bytes]
else:
    _Handler = grpc.RpcMethodHandler

_Failure: TypeAlias = tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]

Answering: TypeAlias = "Callable[[Route, Sequence[tuple[str, str | bytes]]], Call]"
"""Makes the handler of one call: of a path, and its headers."""

_LOOKS = 2
_MOMENT = 0.001  # seconds

_CERTIFICATE = "x509_pem_cert"
_NAMES = ("x509_common_name", "peer_dns")
_URIS = "peer_uri"
_ROLE = "urn:oiafed:role:"
"""What the URIs of a certificate begin with that name a role of its node."""


class Router(grpc.GenericRpcHandler):
    """Finds what answers a path. Paths that nobody offers reach the endpoint too, so that it checks who asks.

    Args:
        endpoint: What the node offers.
        depot: Where the large buffers of requests are, and those of replies wait.
        timeout: Seconds that a request without a deadline may take, where its method does not say.
        secure: Whether callers may have shown a certificate.
    """

    def __init__(self, endpoint: Endpoint, depot: Depot, timeout: float, *, secure: bool) -> None:
        self._endpoint = endpoint
        self._depot = depot
        self._timeout = timeout
        self._secure = secure
        self._known: dict[str, Route] = {}
        self._kinds: dict[str, Answering] = {}

    def answer_with(self, path: str, kind: Answering) -> None:
        """Have the calls of a path answered by a handler of its own, which is made for each."""
        self._kinds[path] = kind

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler:
        """What gRPC calls for a request."""
        path = handler_call_details.method
        route = self._known.get(path)
        if route is None:
            route = Route(self._endpoint, self._depot, self._timeout, path, secure=self._secure)
            if route.spec is not None:
                self._known[path] = route
        kind = self._kinds.get(path, route.kind) if self._kinds else route.kind
        return kind(route, handler_call_details.invocation_metadata)


class Route:
    """One path of a node."""

    def __init__(self, endpoint: Endpoint, depot: Depot, timeout: float, path: str, *, secure: bool) -> None:
        self.endpoint = endpoint
        self.depot = depot
        self.wire = endpoint.wire
        self.path = path
        self.secure = secure
        self.spec = spec = endpoint.spec(path)
        self.timeout = (spec.timeout if spec else None) or timeout
        self.remembers = spec is not None and spec.kind is Kind.UNARY and not spec.provided
        self.introduces = spec is not None and spec.provided
        self.kind = _KINDS[spec is not None and spec.takes_stream, spec is not None and spec.gives_stream]

    def body(self, data: bytes, headers: Sequence[tuple[str, str | bytes]]) -> Body:
        """A body as it came, with what it had left out."""
        reference, rest = split(data)
        return Body(rest, (), self.depot.take(reference.id, title_from(self.path, self.spec, headers)))

    async def reply(
        self, message: Message, payload: Any, compressor: Compressor | None
    ) -> tuple[bytes, Outgoing | None]:
        """The body of a reply, and what it leaves here to be fetched."""
        apart = not (self.spec and self.spec.provided) and message.arrival is not None and message.arrival.fetches
        body = await self.wire.encode_reply(message, payload, compressor, apart=apart)
        if not body.runs:
            return body.data, None
        outgoing = Outgoing(body.runs, packing=Packing.of(compressor))
        self.depot.depart(outgoing, f"the reply of {message.method} to node {message.source!r}")
        return with_reference(body.data, outgoing.id, outgoing.sizes), outgoing

    def offered(self, answer: Answer, message: Message) -> Answer:
        """An answer that is given once more: what its body has left out can be fetched anew."""
        if answer.outgoing is None or message.attempt is None or not message.attempt.joins:
            return answer
        outgoing = answer.outgoing.addressed()
        self.depot.depart(outgoing, f"the reply of {message.method} to node {message.source!r}, once more")
        return answer._replace(data=with_reference(split(answer.data)[1], outgoing.id, outgoing.sizes))


class Call(_Handler):
    """One request as gRPC hands it over: bytes in, bytes out."""

    request_streaming = False
    response_streaming = False
    request_deserializer = None
    response_serializer = None
    unary_unary: Any = None
    unary_stream: Any = None
    stream_unary: Any = None
    stream_stream: Any = None

    def __init__(self, route: Route, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        self._route = route
        self._metadata = metadata

    async def answer(self, body: bytes | AsyncIterator[bytes], context: _Context) -> bytes:
        answer = await self._answer(body, context)
        if answer.code is not None:
            # from here, as gRPC keeps what this raises in a circle with its call, and with that all frames on the way
            return await self._abort(failure_of(answer), context)
        if answer.encoding:
            await context.send_initial_metadata(((ENCODING, answer.encoding),))
        return answer.data

    async def _answer(self, body: bytes | AsyncIterator[bytes], context: _Context) -> Answer:
        try:
            message = self._message(body, context)
        except RpcError as error:
            return failed(error, self._route.wire.serializers)
        if message.attempt is None:
            return await self._answered(message)
        memory = self._route.endpoint.memory
        return self._route.offered(await memory.attend(message.attempt, self._answered(message)), message)

    async def _answered(self, message: Message) -> Answer:
        try:
            reply = await self._route.endpoint.receive(message)
            if message.attempt is not None and message.attempt.joins:
                return message.attempt.answer(message)
            data, left = await self._route.reply(message, reply.payload, reply.compressor)
        except RpcError as error:
            return failed(error, self._route.wire.serializers)
        return Answer(data, reply.compressor.name if reply.compressor else "", outgoing=left)

    async def answers(self, body: bytes | AsyncIterator[bytes], context: _Context) -> AsyncIterator[bytes]:
        route = self._route
        try:
            message = self._message(body, context)
            reply = await route.endpoint.receive(message)
        except RpcError as error:
            await self._abort(self._failure(error), context)
        if reply.compressor is not None:
            await context.send_initial_metadata(((ENCODING, reply.compressor.name),))
        items: AsyncIterator[Any] = reply.payload
        left: Outgoing | None = None
        try:
            while True:
                try:
                    data, left = await route.reply(message, await next_item(items), reply.compressor)
                except StopAsyncIteration:
                    return
                except RpcError as error:
                    await self._abort(self._failure(error), context)
                yield data
                if left is not None:  # no more than one waits to be fetched
                    await route.depot.held(left.id)
        finally:
            if left is not None:
                route.depot.drop(left.id)  # nobody fetches it where the caller has left the stream
            await close(items)

    def _message(self, body: bytes | AsyncIterator[bytes], context: _Context) -> Message:
        route = self._route
        came = Body(body) if isinstance(body, bytes) else _whole(body, route, self._metadata, context)
        message = request_from(route.path, route.spec, came, self._metadata, route.endpoint.node_id)
        if isinstance(body, bytes):
            self._begin(message, body)
        left = cast("float | None", context.time_remaining())
        message.deadline = time.monotonic() + (route.timeout if left is None else left)
        if route.introduces and message.arrival is not None:
            message.arrival = message.arrival._replace(remembers=True)
        if route.secure:
            message.identity = _identity(context)
            if message.identity is not None and not message.source:
                _introduce(message, message.identity)
        return message

    def _begin(self, message: Message, body: bytes) -> None:
        """Take what its body has left out; that of a call that is to be remembered, once it is seen to be new."""
        route = self._route
        take = functools.partial(route.body, body, self._metadata) if has_reference(body) else None
        if message.ledger and route.remembers:
            message.attempt = Attempt(route.endpoint.memory, take)
        elif take is not None:
            came = take()
            message.payload, message.buffers = came.data, came.buffers

    def _failure(self, error: RpcError) -> _Failure:
        return failure_of(failed(error, self._route.wire.serializers))

    @staticmethod
    async def _abort(failure: _Failure, context: _Context) -> NoReturn:
        await context.abort(*failure)


def failure_of(answer: Answer) -> _Failure:
    """What gRPC is told of a call that has failed."""
    code = GRPC_CODES[answer.code or Code.UNKNOWN]
    return code, shortened(answer.message), ((DETAILS_KEY, answer.data),)


class _Unary(Call):
    unary_unary = Call.answer


class _ServerStream(Call):
    response_streaming = True
    unary_stream = Call.answers


class _ClientStream(Call):
    request_streaming = True
    stream_unary = Call.answer


class _BidiStream(Call):
    request_streaming = response_streaming = True
    stream_stream = Call.answers


_KINDS: dict[tuple[bool, bool], type[Call]] = {
    (False, False): _Unary,
    (False, True): _ServerStream,
    (True, False): _ClientStream,
    (True, True): _BidiStream,
}
"""By whether the request and the response are streams."""


async def _whole(
    bodies: AsyncIterator[bytes], route: Route, headers: Sequence[tuple[str, str | bytes]], context: _Context
) -> AsyncIterator[Body]:
    """The bodies of a streamed request, which must not seem complete where its caller has given up.

    gRPC ends both alike, and notices a moment later that the call is cancelled: then asking once more ends it here.
    """
    async for body in bodies:
        yield route.body(body, headers) if has_reference(body) else Body(body)
    for _ in range(_LOOKS):
        await asyncio.sleep(_MOMENT)
        await context.read()


def _identity(context: _Context) -> Identity | None:
    """Who the caller is by its certificate; None where it has shown none."""
    proven = cast("dict[str, list[bytes]]", context.auth_context())
    if _CERTIFICATE not in proven:
        return None
    names = [name.decode(errors="replace") for key in _NAMES for name in proven.get(key, ())]
    uris = [uri.decode(errors="replace") for uri in proven.get(_URIS, ())]
    roles = tuple(uri.removeprefix(_ROLE) for uri in uris if uri.startswith(_ROLE))
    return Identity(tuple(dict.fromkeys(filter(None, names))), roles)


def proven(node_id: str) -> dict[str, list[bytes]]:
    """What `auth_context` tells of a node that has proved its id where this node has dialed it."""
    return {_CERTIFICATE: [b""], _NAMES[0]: [node_id.encode()]}


def _introduce(message: Message, identity: Identity) -> None:
    """A client that is no node has its certificate speak for it."""
    message.source = next(iter(identity.names), "")
    if len(identity.roles) == 1:
        message.role = identity.roles[0]

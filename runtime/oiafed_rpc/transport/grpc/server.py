"""The listening side: routes gRPC calls to the node's endpoint."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NoReturn, cast

import grpc
from grpc import aio

from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.streams import close, next_item
from oiafed_rpc.transport.grpc.failures import DETAILS_KEY, GRPC_CODES
from oiafed_rpc.wire.headers import ENCODING, request_from
from oiafed_rpc.wire.status import encode_error, shortened

if TYPE_CHECKING:
    _Context = aio.ServicerContext[bytes, bytes]

_NAMES = ("x509_subject_alternative_name", "x509_common_name")


class Router(grpc.GenericRpcHandler):
    """Finds what answers a path. Paths that nobody offers reach the endpoint too, so that it checks who asks.

    Args:
        endpoint: What the node offers.
        timeout: Seconds that a request without a deadline may take, where its method does not say.
    """

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._known: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """What gRPC calls for a request."""
        path = handler_call_details.method
        handler = self._known.get(path)
        if handler is None:
            spec = self._endpoint.spec(path)
            handler = _handler(_ServerCall(self._endpoint, self._timeout, path, spec))
            if spec is not None:
                self._known[path] = handler
        return handler


def _handler(call: _ServerCall) -> grpc.RpcMethodHandler[bytes, bytes]:
    if call.spec is None or not call.spec.takes_stream:
        if call.spec is not None and call.spec.gives_stream:
            return grpc.unary_stream_rpc_method_handler(call.stream)
        return grpc.unary_unary_rpc_method_handler(call.unary)
    if call.spec.gives_stream:
        return grpc.stream_stream_rpc_method_handler(call.stream)
    return grpc.stream_unary_rpc_method_handler(call.unary)


class _ServerCall:
    """One method as gRPC calls it: bytes in, bytes out."""

    def __init__(self, endpoint: Endpoint, timeout: float, path: str, spec: Method[Any] | None) -> None:
        self.spec = spec
        self._endpoint = endpoint
        self._wire = endpoint.wire
        self._timeout = timeout
        self._path = path

    async def unary(self, body: bytes | AsyncIterator[bytes], context: _Context) -> bytes:
        try:
            message = self._message(body, context)
            reply = await self._endpoint.receive(message)
            data = self._wire.encode_reply(message, reply.payload, reply.compressor)
        except RpcError as error:
            await self._abort(error, context)
        if reply.compressor is not None:
            await context.send_initial_metadata(((ENCODING, reply.compressor.name),))
        return data

    async def stream(self, body: bytes | AsyncIterator[bytes], context: _Context) -> AsyncIterator[bytes]:
        try:
            message = self._message(body, context)
            reply = await self._endpoint.receive(message)
        except RpcError as error:
            await self._abort(error, context)
        if reply.compressor is not None:
            await context.send_initial_metadata(((ENCODING, reply.compressor.name),))
        items: AsyncIterator[Any] = reply.payload
        try:
            while True:
                try:
                    data = self._wire.encode_reply(message, await next_item(items), reply.compressor)
                except StopAsyncIteration:
                    return
                except RpcError as error:
                    await self._abort(error, context)
                yield data
        finally:
            await close(items)

    def _message(self, body: bytes | AsyncIterator[bytes], context: _Context) -> Message:
        metadata = context.invocation_metadata() or ()
        message = request_from(self._path, self.spec, body, metadata, self._endpoint.node_id)
        left = cast("float | None", context.time_remaining())
        if left is None:
            left = (self.spec.timeout if self.spec else None) or self._timeout
        message.deadline = time.monotonic() + left
        message.identity = _identity(context)
        return message

    async def _abort(self, error: RpcError, context: _Context) -> NoReturn:
        details = encode_error(error, self._wire.serializers)
        await context.abort(GRPC_CODES[error.code], shortened(error.message), ((DETAILS_KEY, details),))


def _identity(context: _Context) -> tuple[str, ...] | None:
    """The names in the caller's certificate; None where it has shown none."""
    proven = cast("dict[str, list[bytes]]", context.auth_context())
    if not proven:
        return None
    names = [name.decode(errors="replace") for key in _NAMES for name in proven.get(key, ())]
    return tuple(dict.fromkeys(names)) or None

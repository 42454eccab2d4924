"""The listening side: routes gRPC calls to the node's endpoint."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NoReturn, cast

import grpc
from grpc import aio

from oiafed_rpc import wire
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.endpoint import Endpoint
from oiafed_rpc.errors import Code, ConfigError, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Kind, Method
from oiafed_rpc.streams import close, next_item
from oiafed_rpc.transport.grpc.metadata import request_message
from oiafed_rpc.transport.grpc.options import authority, server_options
from oiafed_rpc.transport.grpc.protection import protected_server
from oiafed_rpc.transport.grpc.status import DETAILS_KEY, GRPC_CODES, shortened, status_details

if TYPE_CHECKING:
    _Context = aio.ServicerContext[bytes, bytes]


_GRACE = 1.0  # seconds


class GrpcServer:
    """A gRPC server that answers with what an endpoint offers.

    Args:
        endpoint: What the node offers.
        timeout: Seconds that a request without a deadline may take, where its method does not say.
        max_message_size: Bytes of the largest message.
    """

    def __init__(self, endpoint: Endpoint, timeout: float, max_message_size: int) -> None:
        self._endpoint = endpoint
        self._server = protected_server(server_options(max_message_size))
        self._server.add_generic_rpc_handlers((_Router(endpoint, timeout),))
        self._guard: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port: the one asked for, or a free one for 0.

        Raises:
            ConfigError: where the address can't be listened on.
        """
        problem = await _problem(host, port)  # gRPC would print it, and not say it
        bound = 0 if problem else self._bind(host, port)
        if not bound:
            problem = problem or await _problem(host, port) or "gRPC refused it"
            raise ConfigError(f"cannot listen on {authority(host, port)}: {problem}")
        await self._server.start()
        self._guard = asyncio.create_task(self._stop_at_the_end(), name="oiafed-grpc-server")
        await asyncio.sleep(0)  # lets the guard begin: a task that is cancelled before it has would not clean up
        return bound

    async def _stop_at_the_end(self) -> None:
        """Wait to be cancelled, by `stop` or by the end of `asyncio.run`, and shut the server down in order."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self._server.stop(_GRACE)

    def _bind(self, host: str, port: int) -> int:
        """The port that is bound; 0 where another was quicker."""
        try:
            return self._server.add_insecure_port(authority(host, port))
        except RuntimeError:
            return 0

    async def stop(self) -> None:
        """Stop listening, let what is running end, and cancel what does not end soon."""
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.wait([self._guard])


async def _problem(host: str, port: int) -> str | None:
    """Why an address can't be listened on; None where it can."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the port is in use; stop what listens there, or choose another port (0 for any that is free)"
        return error.strerror or str(error)
    return None


class _Router(grpc.GenericRpcHandler):
    """Finds the description of a path. Paths that nobody offers reach the endpoint too, so that it checks who asks."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        path = handler_call_details.method
        spec = self._endpoint.spec(path)
        call = _ServerCall(self._endpoint, self._timeout, path, spec)
        if spec is not None and spec.kind is Kind.SERVER_STREAM:
            return grpc.unary_stream_rpc_method_handler(call.stream)
        return grpc.unary_unary_rpc_method_handler(call.unary)


class _ServerCall:
    """One method as gRPC calls it: bytes in, bytes out."""

    def __init__(self, endpoint: Endpoint, timeout: float, path: str, spec: Method[Any] | None) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._path = path
        self._spec = spec

    async def unary(self, body: bytes, context: _Context) -> bytes:
        message = self._message(body, context)
        try:
            reply = await self._endpoint.receive(message)
            return wire.encode_reply(message, reply.payload, self._endpoint.serializers)
        except RpcError as error:
            await self._abort(error, context)

    async def stream(self, body: bytes, context: _Context) -> AsyncIterator[bytes]:
        message = self._message(body, context)
        try:
            items = (await self._endpoint.receive(message)).payload
        except RpcError as error:
            await self._abort(error, context)
        try:
            while True:
                try:
                    item = await next_item(items)
                    data = wire.encode_reply(message, item, self._endpoint.serializers)
                except StopAsyncIteration:
                    return
                except RpcError as error:
                    await self._abort(error, context)
                yield data
        finally:
            await close(items)

    def _message(self, body: bytes, context: _Context) -> Message:
        metadata = context.invocation_metadata() or ()
        message = request_message(self._path, self._spec, body, metadata, self._endpoint.node_id)
        left = cast("float | None", context.time_remaining())
        if left is None:
            left = (self._spec.timeout if self._spec else None) or self._timeout
        message.deadline = time.monotonic() + left
        return message

    async def _abort(self, error: RpcError, context: _Context) -> NoReturn:
        try:
            details = status_details(error, self._endpoint.serializers)
        except FieldError as misfit:
            error = RpcError(
                Code.INTERNAL, f"the handler raised {type(error).__name__} with what can't be sent: {misfit}"
            )
            details = status_details(error, self._endpoint.serializers)
        await context.abort(GRPC_CODES[error.code], shortened(error.message), ((DETAILS_KEY, details),))

"""The calling side: channels to other nodes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, NoReturn, Protocol

import grpc
from grpc import aio

from oiafed_rpc.body import Body
from oiafed_rpc.bounded import deadline_exceeded
from oiafed_rpc.bulk.calls import Sender
from oiafed_rpc.bulk.courier import Courier, outgoing_of
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.bulk.packing import Packing
from oiafed_rpc.bulk.reference import has_reference
from oiafed_rpc.errors import RetriableError, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.transport.grpc.failures import error_from
from oiafed_rpc.transport.grpc.forks import USE
from oiafed_rpc.transport.grpc.statuses import keep_status
from oiafed_rpc.wire import Wire
from oiafed_rpc.wire.bodies import Asked, spec_of
from oiafed_rpc.wire.headers import ENCODING, Headers, request_headers


class Direct(Protocol):
    """Makes unary calls."""

    async def unary(self, path: bytes, body: bytes, timeout: float | None, metadata: Headers) -> bytes:
        """Make one; raises aio.AioRpcError where it fails."""
        ...

    def close(self) -> None:
        """End those under way."""
        ...


def open_channel(
    address: str, options: Sequence[tuple[str, int | str]], credentials: grpc.ChannelCredentials | None
) -> aio.Channel:
    """A channel of gRPC.

    Args:
        address: Where it leads.
        options: How gRPC is to set it up.
        credentials: What it trusts and proves itself with; None for plain text.
    """
    USE.begin()
    if credentials is None:
        return aio.insecure_channel(address, options)
    return aio.secure_channel(address, credentials, options)


class GrpcChannel:
    """A channel to one node. It belongs to the event loop that it was made on.

    Args:
        address: Where it leads.
        channel: What carries the calls, as `aio.Channel` does.
        direct: Makes its unary calls in a quicker way; None where there is none.
        expected: Whom the certificate at the other end must be for; None for plain text.
        wire: What turns messages to bytes and back.
        courier: Makes what moves its large payloads.

    Attributes:
        address: Where it leads.
    """

    def __init__(
        self,
        address: str,
        channel: Any,
        direct: Direct | None,
        expected: str | None,
        wire: Wire,
        courier: Callable[[Sender], Courier],
    ) -> None:
        self.address = address
        self._channel = channel
        self._direct = direct
        self._expected = expected
        self._wire = wire
        self._courier = courier(self)
        self._closed = False
        self._under_way = 0
        self._idle = asyncio.Event()
        self._methods: dict[str, Any] = {}

    async def send(self, target: str, message: Message) -> Message:
        """Make a call that is answered once; raises RpcError where it fails."""
        self._under_way += 1
        try:
            return await self._send(message)
        finally:
            self._ended()

    def _ended(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    async def _send(self, message: Message) -> Message:
        spec = spec_of(message)
        if spec.takes_stream:
            call = self._method(spec)(timeout=self._left(message), metadata=self._headers(message))
            async with self._running(call, message):
                return message.reply(await self._result(call, message))
        body = await self._request(message)
        left, headers = self._left(message), self._headers(message)
        try:
            if self._direct is not None and message.compressor is None:
                data = await self._direct.unary(spec.path.encode(), body, left, headers)
                self._answered(message)
                return message.reply(await self._decoded(message, data))
            call = self._method(spec)(body, timeout=left, metadata=headers)
            return message.reply(await self._result(call, message))
        except aio.AioRpcError as failure:
            self._fail(failure, message)
        except asyncio.CancelledError:
            self._check_open(message)
            raise

    async def _request(self, message: Message) -> bytes:
        """The body of a request; what it has left out is at the other end already."""
        body = await self._wire.encode_request(message, apart=self._apart(message))
        if not body.runs:
            return body.data
        if not await self._courier.able(message):  # it was made for another node, which is
            return (await self._wire.encode_request(message)).data
        return await self._courier.deliver(body, outgoing_of(body, message), message)

    def _apart(self, message: Message) -> Asked | None:
        """What tells whether a body may leave something out; None where none may."""
        if spec_of(message).provided or self._courier.unable:
            return None
        return functools.partial(self._courier.able, message)

    async def _decoded(self, message: Message, data: bytes, encoding: str = "") -> Any:
        body = await self._courier.fetch(data, message) if has_reference(data) else Body(data)
        return await self._wire.decode_reply(message, body, encoding)

    async def _result(self, call: Any, message: Message) -> Any:
        data = await call
        self._answered(message)
        return await self._decoded(message, data, await self._encoding(call) if message.compressor else "")

    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Make a call that is answered with a stream, and give its items; raises RpcError where it fails."""
        spec = spec_of(message)
        body = () if spec.takes_stream else (await self._request(message),)
        call = self._method(spec)(*body, timeout=self._left(message), metadata=self._headers(message))
        async with self._running(call, message):
            encoding: str | None = None if message.compressor else ""
            async for data in call:
                self._answered(message)
                if encoding is None:
                    encoding = await self._encoding(call)
                item = await self._decoded(message, data, encoding)
                message.arrived = False
                yield item
                del item  # it may be large, and the next is waited for

    def error(self, failure: aio.AioRpcError, message: Message) -> RpcError:
        """The error that a failed call stands for."""
        return error_from(failure, message, self._wire.serializers, self._expected)

    def _fail(self, failure: aio.AioRpcError, message: Message) -> NoReturn:
        error = self.error(failure, message)
        try:
            raise error from error.__cause__
        finally:
            del error  # which has this frame, and those below it the payload

    def _answered(self, message: Message) -> None:
        if message.encoded is not None and message.encoded.outgoing is not None:
            self._courier.answered(message.encoded.outgoing)

    @contextlib.asynccontextmanager
    async def _running(self, call: Any, message: Message) -> AsyncGenerator[None, None]:
        """A call that lasts; its request is written beside the reading of its reply."""
        self._under_way += 1
        writing: asyncio.Task[None] | None = None
        if spec_of(message).takes_stream:
            keep_status(call)
            writing = asyncio.create_task(self._write(call, message), name=f"oiafed-request {message.method}")
        try:
            yield
        except aio.AioRpcError as failure:
            self._fail(failure, message)
        except asyncio.CancelledError:
            if writing is not None and writing.done():
                writing.result()
            self._check_open(message)
            raise
        finally:
            call.cancel()
            if writing is not None:
                writing.cancel()
                await asyncio.wait([writing])
                _ = writing.cancelled() or writing.exception()  # seen: the call's outcome tells of it
            self._ended()

    async def _write(self, call: Any, message: Message) -> None:
        """Write a request; what makes it fail ends the call, which then tells why."""
        try:
            async with contextlib.aclosing(self._bodies(message)) as bodies:
                async for body in bodies:
                    await call.write(body)
                await call.done_writing()
        except (aio.AioRpcError, asyncio.InvalidStateError):
            return  # the call has ended, and its outcome says how
        except Exception:
            call.cancel()
            raise

    async def _bodies(self, message: Message) -> AsyncGenerator[bytes, None]:
        """The bodies of a streamed request. What one has left out is sent when the former has taken its own."""
        held: asyncio.Task[None] | None = None
        try:
            async for body in self._wire.request_bodies(message, apart=self._apart(message)):
                if not body.runs:
                    yield body.data
                    continue
                if held is not None:
                    await held
                outgoing = Outgoing(body.runs, packing=Packing.of(message.compressor))
                data = await self._courier.deliver(body, outgoing, message)
                held = asyncio.create_task(self._courier.taken(outgoing, data, message), name="oiafed-transfer-held")
                yield data
            if held is not None:
                await held  # the last one, too, is held until the handler comes to it
        finally:
            if held is not None:
                held.cancel()
                await asyncio.wait([held])
                _ = held.cancelled() or held.exception()  # the call's outcome tells of it

    @staticmethod
    async def _encoding(call: Any) -> str:
        """The compression of a reply; only who can undo one gets one."""
        return next((str(value) for key, value in await call.initial_metadata() if key == ENCODING), "")

    def _method(self, spec: Method[Any]) -> Any:
        """What makes a call of a method."""
        method = self._methods.get(spec.path)
        if method is None:
            ways = {
                (False, False): self._channel.unary_unary,
                (False, True): self._channel.unary_stream,
                (True, False): self._channel.stream_unary,
                (True, True): self._channel.stream_stream,
            }
            make: Any = ways[spec.takes_stream, spec.gives_stream]
            method = self._methods[spec.path] = make(spec.path, None, None)
        return method

    @staticmethod
    def _left(message: Message) -> float | None:
        left = message.time_left()
        if left is not None and left <= 0:
            raise deadline_exceeded(message.method)
        return left

    def _headers(self, message: Message) -> Headers:
        return request_headers(message, self._wire.serializers.names, bulk=True)

    def _check_open(self, message: Message) -> None:
        """Raise what a cancellation stands for that came with the end of the channel."""
        task = asyncio.current_task()
        if self._closed and not (task and task.cancelling()):
            raise RetriableError(
                f"the connection to {message.target!r} was closed here during {message.method}"
            ) from None

    async def retire(self) -> None:
        """Close the channel when the calls under way have ended."""
        try:
            while self._under_way:
                self._idle.clear()
                await self._idle.wait()
        finally:
            await self.close()

    async def open(self, message: Message) -> tuple[Any, bytes]:
        """Begin a call whose parts travel as somebody else reads and writes them; and the body of its request."""
        call = self._channel.stream_stream(spec_of(message).path, None, None)(metadata=self._headers(message))
        return call, (await self._wire.encode_request(message)).data

    async def answer(self, message: Message, data: bytes) -> Message:
        """The reply to such a call that a body is."""
        return message.reply(await self._wire.decode_reply(message, Body(data)))

    async def close(self) -> None:
        """Close the channel; calls under way fail."""
        self._closed = True
        try:
            await self._courier.close()
        finally:  # also where who waits is cancelled
            if self._direct is not None:
                self._direct.close()
            await self._channel.close(None)

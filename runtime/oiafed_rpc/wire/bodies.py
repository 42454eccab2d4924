"""The bodies of requests and replies: payloads as bytes, compressed or not, of a bounded size."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from oiafed_rpc.body import Body, Compressor
from oiafed_rpc.bulk.runs import run_of
from oiafed_rpc.codec.apart import THRESHOLD, Beside, Leaving
from oiafed_rpc.codec.effort import (
    can_be_large,
    holds_arrays,
    takes_long_to_compress,
    takes_long_to_read,
    takes_long_to_write,
)
from oiafed_rpc.codec.messages import MessageCodec, Value
from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.codec.sharing import holds
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Encoded, Message
from oiafed_rpc.method import Method
from oiafed_rpc.serializer import SerializerError, Serializers
from oiafed_rpc.serializer.versions import OtherVersionError, Unread
from oiafed_rpc.steps import copied
from oiafed_rpc.system.wire import tensor_pb2
from oiafed_rpc.workers import WORKERS

DEFAULT_MAX_MESSAGE_SIZE = 16 << 30
"""Bytes."""

PROTO = "proto"
"""What typed bodies are made with where their message names no serializer: the messages of the schema themselves."""

Asked: TypeAlias = Callable[[], Awaitable[bool]]

_OBJECT = Value(tensor_pb2.PyObject)
"""What typed payloads travel as that another serializer made."""


class Wire:
    """Turns the messages of one node to bytes and back.

    Args:
        serializers: What it reads and writes objects with.
        max_message_size: The most bytes of one body, before compression.
    """

    def __init__(self, serializers: Serializers, max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        self.serializers = serializers
        self.max_message_size = max_message_size

    # The calling side

    async def encode_request(self, message: Message, *, apart: Asked | None = None) -> Body:
        """The body of a request: its payload. Made once for all messages of a broadcast.

        One that has left something out is kept with its message: another attempt goes on with what it has sent.

        Args:
            message: The request.
            apart: Tells whether large buffers may be left out of the body's message; asked where there are any. None
                for never.

        Raises:
            RpcError: INVALID_ARGUMENT naming the parameter whose value does not fit; RESOURCE_EXHAUSTED for a size
                over the limit.
        """
        shared = message.encoded
        way = (message.serializer, message.compressor, apart is not None)
        if shared is None:
            body = await self._encode_payload(message, apart)
            if body.runs:
                message.encoded = Encoded(shared=False)
                message.encoded.keep(message.payload, way, body)
            return body
        async with shared.making:
            if shared.value is not message.payload or shared.way != way:
                shared.keep(message.payload, way, await self._encode_payload(message, apart))
            return shared.body

    async def _encode_payload(self, message: Message, apart: Asked | None) -> Body:
        return await self._encode_request(message, spec_of(message).request_codec, message.payload, apart=apart)

    async def request_bodies(self, message: Message, *, apart: Asked | None = None) -> AsyncIterator[Body]:
        """The bodies of a streamed request as its items come: first its payload, where it has one.

        Arguments and errors are as for `encode_request`.
        """
        spec = spec_of(message)
        if spec.has_head:
            yield await self.encode_request(message, apart=apart)
        async for item in items_of(message):
            yield await self._encode_request(message, spec.item_codec, item, apart=apart)

    async def _encode_request(self, message: Message, codec: MessageCodec, value: Any, *, apart: Asked | None) -> Body:
        spec, named = spec_of(message), message.serializer
        try:
            serializers = self.serializers.using(named) if named else self.serializers
            body = await self._encode(spec, codec, value, named, serializers, apart=apart is not None)
            if apart is not None and body.runs and not await apart():
                body = await self._encode(spec, codec, value, named, serializers, apart=False)
        except (FieldError, SerializerError) as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{message.method}: {error}", {"method": message.method}) from error
        return await self._bounded(message.method, body, message.compressor)

    async def decode_reply(self, request: Message, body: Body, encoding: str = "") -> Any:
        """The result in a reply, or one item of it.

        Args:
            request: What it answers.
            body: The body.
            encoding: The compression that it came with.

        Raises:
            RpcError: INTERNAL where the bytes are not what the method returns, or not allowed.
        """
        spec = spec_of(request)
        try:
            return await self._decode(spec, spec.response_codec, body, request.serializer, encoding)
        except (FieldError, SerializerError) as error:
            raise RpcError(
                Code.INTERNAL,
                f"node {request.target!r} answered {request.method} with what can't be read: {error}",
                {"node": request.target, "method": request.method},
            ) from error

    # The answering side

    async def decode_request(self, message: Message) -> None:
        """Decode the payload of a request that arrived.

        Raises:
            RpcError: INVALID_ARGUMENT where it is not what the method takes, or not allowed.
        """
        message.undecoded = False
        body, message.buffers = Body(message.payload, (), message.buffers), ()
        message.payload = await self._decode_request(message, spec_of(message).request_codec, body)

    async def decode_stream(self, message: Message) -> None:
        """Decode the payload of a streamed request that arrived, and its items as they come; errors as for others."""
        message.undecoded = False
        bodies = items_of(message)
        message.payload = await self._head(message, bodies) if spec_of(message).has_head else {}
        message.items = self._items(message, bodies)

    async def _head(self, message: Message, bodies: AsyncIterator[Body]) -> Any:
        try:
            return await self._decode_request(message, spec_of(message).request_codec, await anext(bodies))
        except StopAsyncIteration:
            problem = "the request ended before its first message, which has the parameters beside the stream"
            raise RpcError(Code.INVALID_ARGUMENT, f"{message.method}: {problem}") from None

    async def _items(self, message: Message, bodies: AsyncIterator[Body]) -> AsyncIterator[Any]:
        async for body in bodies:
            yield await self._decode_request(message, spec_of(message).item_codec, body)

    async def _decode_request(self, message: Message, codec: MessageCodec, body: Body) -> Any:
        encoding = message.arrival.encoding if message.arrival else ""
        try:
            return await self._decode(spec_of(message), codec, body, message.serializer, encoding)
        except (FieldError, SerializerError) as error:
            raise RpcError(Code.INVALID_ARGUMENT, f"{message.method}: {error}", {"method": message.method}) from error

    async def encode_reply(
        self, request: Message, payload: Any, compressor: Compressor | None = None, *, apart: bool = False
    ) -> Body:
        """The body of a reply, or of one item of it, with a serializer that the caller reads.

        Args:
            request: What it answers.
            payload: The result, or one item of it.
            compressor: What makes it smaller, as the reply says.
            apart: Whether large buffers may be left out of the body's message.

        Raises:
            RpcError: INTERNAL where the handler returned what its schema or serializer does not allow;
                RESOURCE_EXHAUSTED for a size over the limit.
        """
        spec = spec_of(request)
        reads = request.arrival.reads if request.arrival else ()
        replies = self.serializers.for_reader(reads, request.serializer)
        try:
            body = await self._encode(spec, spec.response_codec, payload, request.serializer, replies, apart=apart)
        except FieldError as error:
            raise RpcError(
                Code.INTERNAL,
                f"the handler of {request.method} returned what can't be sent: {error}",
                {"node": request.target, "method": request.method},
            ) from error
        return await self._bounded(f"the reply of {request.method}", body, compressor)

    # Both

    async def _encode(
        self,
        spec: Method[Any],
        codec: MessageCodec,
        value: Any,
        serializer: str,
        serializers: Serializers,
        *,
        apart: bool,
    ) -> Body:
        if not can_be_large(codec.descriptor):
            return Body(_encoded(spec, codec, value, serializer, serializers))
        leaving = Leaving(serializers) if apart and (serializer or holds_arrays(codec.descriptor)) else None
        encode = functools.partial(_encoded, spec, codec, value, serializer, leaving or serializers)
        long = not spec.provided and takes_long_to_write(value, arrays=not apart)
        data: bytes = await WORKERS.run(encode) if long else encode()
        runs = leaving.runs if leaving else ()
        return Body(b"", [run_of(data), *runs]) if apart and len(data) >= THRESHOLD else Body(data, runs)

    async def _decode(self, spec: Method[Any], codec: MessageCodec, body: Body, serializer: str, encoding: str) -> Any:
        if spec.provided or not (body.buffers or takes_long_to_read(body.data, compressed=bool(encoding))):
            return self._decode_here(spec, codec, body, serializer, encoding)
        return await WORKERS.run(functools.partial(self._decode_here, spec, codec, body, serializer, encoding))

    def _decode_here(self, spec: Method[Any], codec: MessageCodec, body: Body, serializer: str, encoding: str) -> Any:
        limit = self.max_message_size
        if encoding and not body.buffers:
            from oiafed_rpc.wire.compression import decompress  # zstandard is imported where it is needed

            return self._decoded(spec, codec, decompress(encoding, body.data, limit), serializer, self.serializers)
        if body.size > limit:
            raise _too_large("the message", body.size, limit)
        if not body.buffers:
            return self._decoded(spec, codec, body.data, serializer, self.serializers)
        beside = Beside(self.serializers, body.beside)
        value = self._decoded(spec, codec, copied(body.message), serializer, beside)
        beside.check_used()
        return value

    def _decoded(
        self, spec: Method[Any], codec: MessageCodec, data: bytes, serializer: str, serializers: Serializers
    ) -> Any:
        if spec.role and serializer:
            return self._adopted(codec, data, serializers)
        if spec.role and not spec.provided:
            serializers.check_accepted(PROTO)
        return codec.decode(data, serializers)

    @staticmethod
    def _adopted(codec: MessageCodec, data: bytes, serializers: Serializers) -> Any:
        """The value that another serializer gave, which may be of another version of the schema."""
        try:
            return codec.adopt(_OBJECT.decode(data, serializers))
        except FieldError as error:
            other = error.__cause__
            if not isinstance(other, OtherVersionError):
                raise
            value = codec.adopt(other.value)
            if holds(value, Unread):  # within an `any`, of which no schema says what it is
                raise
            return value

    async def _bounded(self, what: str, body: Body, compressor: Compressor | None) -> Body:
        if body.size > self.max_message_size:
            raise _too_large(what, body.size, self.max_message_size)
        if compressor is None or body.runs:  # the chunks in which buffers travel are compressed one by one
            return body
        compress = functools.partial(compressor.compress, body.data)
        data: bytes = await WORKERS.run(compress) if takes_long_to_compress(body.data) else compress()
        return Body(data)


def _encoded(spec: Method[Any], codec: MessageCodec, value: Any, serializer: str, serializers: Serializers) -> bytes:
    if spec.role and serializer:
        codec.check(value)
        return _OBJECT.encode(value, serializers)
    try:
        return codec.encode(value, serializers)
    except RecursionError:
        raise FieldError("", "values nested too deeply, or that hold themselves") from None


def _too_large(what: str, size: int, limit: int) -> RpcError:
    return RpcError(
        Code.RESOURCE_EXHAUSTED, f"{what} has {size:,} bytes, more than transport.max_message_size, {limit:,}"
    )


def spec_of(message: Message) -> Method[Any]:
    """The description of the method that a message calls.

    Raises:
        RpcError: UNIMPLEMENTED where there is none.
    """
    if message.spec is None:
        raise RpcError(Code.UNIMPLEMENTED, f"unknown method {message.method!r}")
    return message.spec


def items_of(message: Message) -> AsyncIterator[Any]:
    """The items of a streamed request."""
    if message.items is None:
        raise RpcError(Code.INVALID_ARGUMENT, f"{message.method} takes a stream, and none came")
    return message.items

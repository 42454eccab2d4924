"""The calling side: channels to other nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from grpc import aio

from oiafed_rpc import wire
from oiafed_rpc.bounded import deadline_exceeded
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.message import Message
from oiafed_rpc.method import Method
from oiafed_rpc.serializer import Serializers
from oiafed_rpc.transport.grpc.metadata import request_metadata
from oiafed_rpc.transport.grpc.options import authority, channel_options
from oiafed_rpc.transport.grpc.status import error_from

_Unary: TypeAlias = "aio.UnaryUnaryMultiCallable[bytes, bytes]"
_Stream: TypeAlias = "aio.UnaryStreamMultiCallable[bytes, bytes]"


class GrpcChannel:
    """A channel to one node. It belongs to the event loop that it was made on.

    Attributes:
        address: `host:port` of the node.
    """

    def __init__(self, host: str, port: int, max_message_size: int, serializers: Serializers) -> None:
        self.address = authority(host, port)
        self._channel = aio.insecure_channel(self.address, channel_options(host, max_message_size))
        self._serializers = serializers
        self._closed = False
        self._unary: dict[str, _Unary] = {}
        self._stream: dict[str, _Stream] = {}

    async def send(self, target: str, message: Message) -> Message:
        """Make a unary call; raises RpcError where it fails."""
        spec = wire.spec_of(message)
        method = self._unary.get(spec.path)
        if method is None:
            method = self._unary[spec.path] = self._channel.unary_unary(spec.path, None, None)
        body = wire.encode_request(message, self._serializers)
        try:
            data = await method(body, timeout=_left(message), metadata=self._metadata(message, spec))
        except aio.AioRpcError as failure:
            raise error_from(failure, spec, target, self._serializers) from None
        except asyncio.CancelledError:
            self._check_open(message)
            raise
        return message.reply(wire.decode_reply(message, data, self._serializers))

    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        """Make a streaming call and give its items; raises RpcError where it fails."""
        spec = wire.spec_of(message)
        method = self._stream.get(spec.path)
        if method is None:
            method = self._stream[spec.path] = self._channel.unary_stream(spec.path, None, None)
        body = wire.encode_request(message, self._serializers)
        call = method(body, timeout=_left(message), metadata=self._metadata(message, spec))
        try:
            async for data in call:
                yield wire.decode_reply(message, data, self._serializers)
        except aio.AioRpcError as failure:
            raise error_from(failure, spec, target, self._serializers) from None
        except asyncio.CancelledError:
            self._check_open(message)
            raise
        finally:
            call.cancel()

    def _check_open(self, message: Message) -> None:
        """Raise what a cancellation stands for that came with the end of the channel."""
        task = asyncio.current_task()
        if self._closed and not (task and task.cancelling()):
            raise RpcError(
                Code.UNAVAILABLE, f"the connection to {message.target!r} was closed here during {message.method}"
            ) from None

    def _metadata(self, message: Message, spec: Method[Any]) -> tuple[tuple[str, str], ...]:
        return request_metadata(message, spec, self._serializers.names)

    async def close(self) -> None:
        """Close the channel; calls under way fail."""
        self._closed = True
        await self._channel.close(None)


def _left(message: Message) -> float | None:
    left = message.time_left()
    if left is not None and left <= 0:
        raise deadline_exceeded(message.method)
    return left

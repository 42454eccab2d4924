"""grpc.aio as it comes, the bytes of the array in one message, which are made before the time is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from grpc import aio, method_handlers_generic_handler, unary_unary_rpc_method_handler

from benchmarks.bulk.contenders.base import Array, Contender

_OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
_SERVICE = "bench.Bare"


async def _take(request: bytes, _: object) -> bytes:
    np.frombuffer(request, np.float32)
    return b""


async def _echo(request: bytes, _: object) -> bytes:
    return request


class Bare(Contender):
    """One unary call."""

    def __init__(self) -> None:
        self._server: aio.Server | None = None
        self._channels: list[aio.Channel] = []
        self._takes: list[Any] = []
        self._echo: Any = None

    async def serve(self, index: int) -> str:
        """Start a server without a service of its own: bytes in, bytes out."""
        handlers = {"Take": unary_unary_rpc_method_handler(_take), "Echo": unary_unary_rpc_method_handler(_echo)}
        self._server = aio.server(options=_OPTIONS)
        self._server.add_generic_rpc_handlers((method_handlers_generic_handler(_SERVICE, handlers),))
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        return str(port)

    async def connect(self, addresses: Sequence[str]) -> None:
        """Open a channel to each."""
        self._channels = [aio.insecure_channel(f"127.0.0.1:{address}", _OPTIONS) for address in addresses]
        self._takes = [channel.unary_unary(f"/{_SERVICE}/Take") for channel in self._channels]
        self._echo = self._channels[0].unary_unary(f"/{_SERVICE}/Echo")

    def payload(self, array: Array) -> bytes:
        """The bytes that are the message."""
        return array.tobytes()

    async def small(self) -> None:
        """No bytes."""
        await self._takes[0](b"")

    async def send(self, payload: bytes, to: int = 0) -> None:
        """One call."""
        await self._takes[to](payload)

    async def echo(self, payload: bytes) -> None:
        """One call."""
        np.frombuffer(await self._echo(payload), np.float32)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close()

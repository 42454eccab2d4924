"""A third transport, written against the public interface alone: frames over TCP, one connection for each call.

A frame is its length in four bytes, one byte that says what it is, and that many bytes more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

from oiafed_rpc import Code, Message, RetriableError, RpcError, Transport
from oiafed_rpc.wire import Body, decode_error, encode_error, request_from, request_headers, spec_of

_HEAD = struct.Struct("!IB")
_BEGIN, _BODY, _END, _ERROR = range(4)
_STEPS = 5  # of the event loop, in which what was accepted becomes a connection
_GONE = (OSError, asyncio.IncompleteReadError)


class _Frames:
    """One connection as frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, kind: int, data: bytes = b"") -> None:
        self._writer.write(_HEAD.pack(len(data), kind) + data)
        await self._writer.drain()

    async def take(self) -> tuple[int, bytes]:
        size, kind = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
        return kind, await self._reader.readexactly(size)

    async def closed(self) -> None:
        """Wait until the other side has closed the connection."""
        await self._reader.read()

    def close(self) -> None:
        self._writer.close()


class SocketTransport(Transport):
    """Carries calls over plain TCP on this machine.

    Args:
        port: Where to listen; 0 for any port that is free.
    """

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.port = port
        self._server: asyncio.Server | None = None
        self._places: dict[str, tuple[str, int]] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        for listener in server.sockets:
            asyncio.get_running_loop().remove_reader(listener.fileno())
        for _ in range(_STEPS):  # what is being accepted is left open by a server that closes meanwhile
            await asyncio.sleep(0)
        server.close()
        connections = list(self._connections)  # the node has drained: what is left is telling its callers so
        if connections:
            await asyncio.wait(connections, timeout=0.5)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        for node_id in self._places:
            self.peers.remove(node_id)
        self._places.clear()

    async def reach(self, node_id: str, host: str, port: int) -> None:
        self._places[node_id] = (host, port)

    async def forget(self, node_id: str) -> None:
        if node_id not in self.peers:
            self._places.pop(node_id, None)

    # The calling side

    async def send(self, target: str, message: Message) -> Message:
        async with self._calling(target, message) as replies:
            return message.reply(await anext(replies))

    async def stream(self, target: str, message: Message) -> AsyncIterator[Any]:
        async with self._calling(target, message) as replies:
            async for item in replies:
                yield item

    @contextlib.asynccontextmanager
    async def _calling(self, target: str, message: Message) -> AsyncIterator[AsyncIterator[Any]]:
        """A call, and what it is answered with; the end of its connection cancels it."""
        wire = self.endpoint.wire
        bodies = (
            wire.request_bodies(message) if spec_of(message).takes_stream else _one(await wire.encode_request(message))
        )
        frames = await self._connection(target)
        writing = asyncio.create_task(self._write(frames, message, bodies))
        try:
            yield self._replies(frames, message)
        except _GONE:
            if writing.done() and not writing.cancelled() and isinstance(writing.exception(), RpcError):
                writing.result()
            raise RetriableError(f"the connection to {target!r} broke during {message.method}") from None
        finally:
            frames.close()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _connection(self, target: str) -> _Frames:
        if target not in self._places:
            raise RpcError(Code.UNAVAILABLE, f"node {target!r} is not connected")
        try:
            return _Frames(*await asyncio.open_connection(*self._places[target]))
        except OSError as error:
            raise RetriableError(f"node {target!r} can't be reached: {error}", ran=False) from None

    async def _write(self, frames: _Frames, message: Message, bodies: AsyncIterator[Body]) -> None:
        try:
            headers = request_headers(message, self.endpoint.wire.serializers.names)
            begin = {"path": spec_of(message).path, "seconds": message.time_left(), "headers": headers}
            await frames.send(_BEGIN, json.dumps(begin).encode())
            async for body in bodies:
                await frames.send(_BODY, body.data)
            await frames.send(_END)
        except RpcError:
            frames.close()
            raise

    async def _replies(self, frames: _Frames, message: Message) -> AsyncIterator[Any]:
        wire, encoding = self.endpoint.wire, ""
        while (frame := await frames.take())[0] != _END:
            kind, data = frame
            if kind == _ERROR:
                error = decode_error(message, data, wire.serializers)
                raise error or RpcError(Code.INTERNAL, f"node {message.target!r} sent an error that can't be read")
            if kind == _BEGIN:
                encoding = data.decode()
            else:
                yield await wire.decode_reply(message, Body(data), encoding)

    # The answering side

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, which is one call. Where the caller closes it, the call is cancelled."""
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        frames, bodies = _Frames(reader, writer), asyncio.Queue[Body | None](8)
        parts: list[asyncio.Task[None]] = []
        try:
            begin = json.loads((await frames.take())[1])
            parts = [asyncio.create_task(self._answer(frames, begin, bodies))]
            parts.append(asyncio.create_task(self._read(frames, bodies)))
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        except _GONE:
            pass
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            writer.close()
            self._connections.discard(connection)

    @staticmethod
    async def _read(frames: _Frames, bodies: asyncio.Queue[Body | None]) -> None:
        """Take the request as fast as its handler does, and then wait until the caller has gone."""
        while (frame := await frames.take())[0] == _BODY:
            await bodies.put(Body(frame[1]))
        await bodies.put(None)
        await frames.closed()

    async def _answer(self, frames: _Frames, begin: dict[str, Any], bodies: asyncio.Queue[Body | None]) -> None:
        endpoint, path = self.endpoint, begin["path"]
        spec = endpoint.spec(path)
        streamed = spec is not None and spec.takes_stream
        try:
            body = _until_none(bodies) if streamed else await bodies.get() or Body(b"")
            request = request_from(path, spec, body, map(tuple, begin["headers"]), endpoint.node_id)
            if begin["seconds"] is not None:
                request.deadline = time.monotonic() + begin["seconds"]
            reply = await endpoint.receive(request)
            await frames.send(_BEGIN, reply.compressor.name.encode() if reply.compressor else b"")
            items = reply.payload if spec is not None and spec.gives_stream else _one(reply.payload)
            async with contextlib.aclosing(items):
                async for item in items:
                    body = await endpoint.wire.encode_reply(request, item, reply.compressor)
                    await frames.send(_BODY, body.data)
            await frames.send(_END)
        except RpcError as error:
            await frames.send(_ERROR, encode_error(error, endpoint.wire.serializers))


async def _one(item: Any) -> AsyncIterator[Any]:
    yield item


async def _until_none(bodies: asyncio.Queue[Body | None]) -> AsyncIterator[Body]:
    while (body := await bodies.get()) is not None:
        yield body

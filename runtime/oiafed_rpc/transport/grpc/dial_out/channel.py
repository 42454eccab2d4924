"""Calls to a node over streams that it has opened, with what `GrpcChannel` uses of the channel of `grpc.aio`."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Generator, Sequence
from typing import Any, Self

import grpc
from grpc import aio

from oiafed_rpc.system.wire.dial_out_pb2 import CallEnd, CallHead, CallPart
from oiafed_rpc.transport.grpc.dial_out.lines import Came, Line, Lines, NoLineError
from oiafed_rpc.transport.grpc.dial_out.parts import headers_of, pairs_of, with_body
from oiafed_rpc.transport.grpc.failures import NO_LINE

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_END = CallPart(end=True).SerializeToString()

Metadata = Sequence[tuple[str, str]]


class DialInCalls:
    """The calls of one message each way, as `DirectCalls` makes them.

    Args:
        lines: The streams.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    async def unary(self, path: bytes, body: bytes, timeout: float | None, metadata: Metadata) -> bytes:
        """Make a call."""
        return await DialInCall(self._lines, path.decode(), body, timeout, metadata)

    def close(self) -> None:
        """End those under way, and with them the streams."""
        self._lines.close()


class DialInChannel:
    """What makes the calls to a node over the streams that it has opened.

    Args:
        lines: The streams.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def unary_unary(self, path: str, *_: None) -> Any:
        """What makes the calls of a method, as `aio.Channel` has it."""
        return functools.partial(DialInCall, self._lines, path)

    unary_stream = unary_unary

    def stream_unary(self, path: str, *_: None) -> Any:
        """What makes the calls of a method whose request is a stream."""
        return functools.partial(DialInCall, self._lines, path, None)

    stream_stream = stream_unary

    async def close(self, grace: float | None) -> None:
        """End the streams, and the calls with them."""
        del grace
        self._lines.close()


class DialInCall:
    """One call.

    It is awaited for its one reply, or iterated over; its request is its body, or written. It fails with
    `aio.AioRpcError`, as a call of `grpc.aio` does.

    Args:
        lines: The streams of the node.
        path: The path of the method.
        body: The request; None where it is a stream.
        timeout: Seconds that it may take; None for no limit.
        metadata: The headers.
    """

    def __init__(
        self, lines: Lines, path: str, body: bytes | None, timeout: float | None, metadata: Metadata = ()
    ) -> None:
        self._lines = lines
        self._path = path
        self._body = body
        self._timeout = timeout
        self._metadata = metadata
        loop = asyncio.get_running_loop()
        self._deadline = None if timeout is None else loop.time() + timeout
        self._line: Line | None = None
        self._began = asyncio.Lock()
        self._sent = body is not None
        self._done = False
        self._headers: tuple[tuple[str, str | bytes], ...] | None = None
        self._first: Came | None = None

    def __await__(self) -> Generator[Any, None, bytes]:
        return self._single().__await__()

    async def _single(self) -> bytes:
        data = await self._read()
        if data is None or not (self._done or await self._read() is None):
            self.cancel()
            raise self._failure(grpc.StatusCode.INTERNAL, "the reply is to have one body")
        return data

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        data = await self._read()
        if data is None:
            raise StopAsyncIteration
        return data

    async def _read(self) -> bytes | None:
        """The next body of the reply; None at its end."""
        try:
            while not self._done:
                part, body = await self._next()
                if part.HasField("end"):
                    self._conclude(part.end)
                if body is not None:
                    return body
        except BaseException:
            self.cancel()
            raise
        return None

    def _conclude(self, end: CallEnd) -> None:
        self._finish()
        if end.code:
            code = _CODES.get(end.code, grpc.StatusCode.UNKNOWN)
            raise self._failure(code, end.message, pairs_of(end.trailers))

    async def _next(self) -> Came:
        """The next part of the reply."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            async with asyncio.timeout_at(self._deadline):
                line = await self._opened()
                came = await line.take()
        except TimeoutError:
            raise self._failure(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        if came is None:
            self._check_open()
            raise self._failure(grpc.StatusCode.UNAVAILABLE, "the stream that carried the call has ended")
        if self._headers is None:
            self._headers = pairs_of(came[0].headers)
        return came

    async def _opened(self) -> Line:
        """The stream that carries the call, once it has begun."""
        if self._line is not None:
            return self._line
        async with self._began:
            if self._line is None:
                self._line = await self._begin()
        return self._line

    async def _begin(self) -> Line:
        try:
            line = await self._lines.take()
        except NoLineError:
            self._check_open()
            raise self._failure(grpc.StatusCode.UNAVAILABLE, f"{NO_LINE}: the node is away") from None
        timeout = None
        if self._deadline is not None:
            timeout = max(0, int((self._deadline - asyncio.get_running_loop().time()) * 1e9))
        head = CallHead(path=self._path, timeout=timeout, headers=headers_of(self._metadata))
        part = CallPart(head=head, end=self._sent).SerializeToString()
        try:
            await self._write(line, part if self._body is None else with_body(part, self._body))
            if self._done:
                raise asyncio.CancelledError
        except BaseException:
            self._lines.give_up(line)
            raise
        return line

    def _check_open(self) -> None:
        """See that the call was not ended from here, as a call of `grpc.aio` tells it."""
        if self._done or self._lines.closed:
            raise asyncio.CancelledError

    @staticmethod
    async def _write(line: Line, part: bytes) -> None:
        with contextlib.suppress(aio.BaseError, asyncio.InvalidStateError):  # it has ended, as the reply will tell
            await line.write(part)

    async def write(self, body: bytes) -> None:
        """Send a body of the request."""
        line = await self._opened()
        if self._done:
            raise asyncio.InvalidStateError
        await self._write(line, with_body(b"", body))

    async def done_writing(self) -> None:
        """End the request."""
        line = await self._opened()
        if not self._done:
            await self._write(line, _END)
            self._sent = True

    async def initial_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The headers of the reply."""
        if self._headers is None:
            self._first = await self._next()
        return self._headers or ()

    def _finish(self) -> None:
        """The reply has ended; the stream carries another call, unless some of the request may be on its way still."""
        self._done = True
        line, self._line = self._line, None
        if line is None:
            return
        if self._sent:
            self._lines.give_back(line)
        else:
            self._lines.give_up(line)

    def cancel(self) -> bool:
        """End the call, if it has not ended."""
        if self._done:
            return False
        self._done = True
        if self._line is not None:
            self._lines.give_up(self._line)
        return True

    @staticmethod
    def _failure(code: grpc.StatusCode, details: str, trailers: Any = ()) -> aio.AioRpcError:
        return aio.AioRpcError(code, aio.Metadata(), aio.Metadata.from_tuple(tuple(trailers)), details)

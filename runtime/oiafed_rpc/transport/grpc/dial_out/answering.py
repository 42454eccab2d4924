"""One stream that this node has opened to be called over: takes the calls, one after the other, and answers them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, NoReturn

import grpc
from grpc import aio

from oiafed_rpc.errors import RpcError, type_and_text
from oiafed_rpc.log import logger
from oiafed_rpc.system.wire.dial_out_pb2 import CallEnd, CallHead, CallPart, ReplyPart
from oiafed_rpc.transport.grpc.dial_out.handover import Handover
from oiafed_rpc.transport.grpc.dial_out.parts import ALIVE, Pairs, headers_of, pairs_of, read_part, with_body

_OK = CallEnd()
_LEAVING = ReplyPart(leaving=True).SerializeToString()
_LONGEST = 1 << 62  # nanoseconds
_STREAM_ENDED = (aio.AioRpcError, asyncio.InvalidStateError)  # what a write says then

Service = Callable[[Any], Any]
"""Finds what answers a call, as `grpc.GenericRpcHandler.service` does."""


class _Details(NamedTuple):
    """As `grpc.HandlerCallDetails`."""

    method: str
    invocation_metadata: tuple[tuple[str, str | bytes], ...]


class Answering:
    """One stream.

    Args:
        call: The call of gRPC that it is.
        service: Finds what answers a call.
        proven: What is known of who calls, in the words of `aio.ServicerContext.auth_context`.
        changed: Is called whenever a call begins or ends.
        cancelled: Is told the number of a stream whose call is cancelled.

    Attributes:
        busy: Whether it carries a call.
    """

    def __init__(
        self,
        call: Any,
        service: Service,
        proven: dict[str, list[bytes]],
        changed: Callable[[], None],
        cancelled: Callable[[int], None],
    ) -> None:
        self._call = call
        self._service = service
        self._proven = proven
        self._changed = changed
        self._cancelled = cancelled
        self._writing = asyncio.Lock()
        self._answer: _Answer | None = None

    @property
    def busy(self) -> bool:
        return self._answer is not None

    async def last(self) -> bool:
        """Answer calls until the stream ends; whether it has ended in the middle of one."""
        try:
            while (data := await self._call.read()) is not aio.EOF:
                if data:
                    await self._take(*read_part(CallPart, data))
        except RpcError as error:
            logger.warning("a node that was dialed does not keep to the protocol: %s", error.message)
        except aio.AioRpcError as failure:
            logger.debug("a stream to be called over has ended: %s", failure.details())
        finally:
            self._call.cancel()
            busy = self.busy
            if self._answer is not None:
                await self._answer.cancel()
        return busy

    async def _take(self, part: CallPart, body: bytes | None) -> None:
        if part.cancelled:
            self._cancelled(part.cancelled)
        if part.HasField("head"):
            if self._answer is not None:
                await self._answer.cancel()  # the other side has seen its end, or does not care for it
            self._begin(part.head)
        if self._answer is not None:
            await self._answer.take(body, end=part.end)

    def abandon(self) -> None:
        """End the answer to the call: it is cancelled, and the end of the stream follows."""
        if self._answer is not None:
            self._answer.abandon()

    def _begin(self, head: CallHead) -> None:
        handler = self._service(_Details(head.path, pairs_of(head.headers)))
        timeout = min(head.timeout, _LONGEST) / 1e9 if head.HasField("timeout") else None
        self._answer = _Answer(self, handler, _Context(timeout, self._proven))
        self._changed()

    async def send(self, answer: _Answer, part: ReplyPart, body: bytes | None) -> None:
        """Send a part of a reply; with its end, the stream is free for another call."""
        if part.HasField("end") and self._answer is answer:
            self._answer = None
            self._changed()
        data = part.SerializeToString()
        await self._write(data if body is None else with_body(data, body))

    async def _write(self, data: bytes) -> None:
        async with self._writing:
            await self._call.write(data)

    async def keep_alive(self) -> None:
        """Send an empty part, for proxies that end streams on which nothing moves."""
        if not self._writing.locked():
            await self._tell(ALIVE)

    async def leave(self) -> None:
        """Ask the other side to end the stream when it carries no call."""
        await self._tell(_LEAVING)

    async def _tell(self, data: bytes) -> None:
        with contextlib.suppress(*_STREAM_ENDED):
            await self._write(data)


class _Answer:
    """The answer to one call."""

    def __init__(self, stream: Answering, handler: Any, context: _Context) -> None:
        self._stream = stream
        self._handler = handler
        self._context = context
        self._bodies: Handover[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        if handler.request_streaming:
            self._bodies = Handover()
            self._start(_until_end(self._bodies))

    def _start(self, request: bytes | AsyncIterator[bytes]) -> None:
        self._task = asyncio.create_task(self._run(request), name="oiafed-dial-out-call")

    async def take(self, body: bytes | None, *, end: bool) -> None:
        """Take a part of the request; waits while the handler has not taken the former one."""
        if self._bodies is not None:
            if body is not None:
                await self._bodies.put(body)
            if end:
                self._bodies.close()
        elif self._task is None and (body is not None or end):
            self._start(body or b"")

    def abandon(self) -> None:
        """Begin to end it: nobody waits for it any more."""
        if self._bodies is not None:
            self._bodies.close()
        if self._task is not None:
            self._task.cancel()

    async def cancel(self) -> None:
        """End it."""
        self.abandon()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, request: bytes | AsyncIterator[bytes]) -> None:
        body: bytes | None = None
        try:
            if self._handler.response_streaming:
                await self._stream_out(request)
            else:
                answer = self._handler.stream_unary or self._handler.unary_unary
                body = await answer(request, self._context)
            end = _OK
        except _AbortedError as aborted:
            end = aborted.end
        except _STREAM_ENDED as error:  # in the middle of a streamed reply: nobody hears the rest
            logger.debug("a call ended with the stream that carried it: %s", error)
            return
        except Exception as error:
            logger.exception("a call over a stream that this node has opened could not be answered")
            end = CallEnd(code=grpc.StatusCode.UNKNOWN.value[0], message=type_and_text(error))
        finally:
            if self._bodies is not None:
                self._bodies.close()  # what still comes is let go
        with contextlib.suppress(*_STREAM_ENDED):
            await self._stream.send(self, ReplyPart(headers=self._context.headers(), end=end), body)

    async def _stream_out(self, request: bytes | AsyncIterator[bytes]) -> None:
        answers = self._handler.stream_stream or self._handler.unary_stream
        async with contextlib.aclosing(answers(request, self._context)) as bodies:
            async for body in bodies:
                await self._stream.send(self, ReplyPart(headers=self._context.headers()), body)


class _AbortedError(Exception):
    """A call ends with a failure."""

    def __init__(self, end: CallEnd) -> None:
        super().__init__(end.message)
        self.end = end


class _Context:
    """What a handler uses of `aio.ServicerContext`."""

    def __init__(self, timeout: float | None, proven: dict[str, list[bytes]]) -> None:
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._proven = proven
        self._headers: Pairs = ()

    def time_remaining(self) -> float | None:
        """Seconds until the deadline."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def auth_context(self) -> dict[str, list[bytes]]:
        """Who calls."""
        return self._proven

    async def send_initial_metadata(self, pairs: Pairs) -> None:
        """Have headers travel with the next part."""
        self._headers = pairs

    def headers(self) -> list[Any]:
        """The headers that are to travel, once."""
        pairs, self._headers = self._headers, ()
        return headers_of(pairs)

    async def abort(self, code: grpc.StatusCode, details: str, trailers: Pairs = ()) -> NoReturn:
        """End the call with a failure."""
        raise _AbortedError(CallEnd(code=code.value[0], message=details, trailers=headers_of(trailers)))

    async def read(self) -> Any:
        """Nothing more: here, the end of a request is told from the end of its call."""
        return aio.EOF


async def _until_end(bodies: Handover[bytes]) -> AsyncIterator[bytes]:
    while (body := await bodies.take()) is not None:
        yield body

"""The streams that a node has opened to be called over, at the node that was dialed."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

from grpc import aio

from oiafed_rpc.errors import RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.system.wire.dial_out_pb2 import CallPart, ReplyPart
from oiafed_rpc.transport.grpc.dial_out.handover import Handover
from oiafed_rpc.transport.grpc.dial_out.parts import ALIVE, read_part

_REPLACING = 1.0  # seconds in which a node opens a stream in the place of one that was given up here

Came = tuple[ReplyPart, bytes | None]
"""A part of a reply, and its body if it has one."""


class NoLineError(Exception):
    """A node has no stream open to be called over."""


class Line:
    """One stream. It carries one call at a time.

    Args:
        context: That of gRPC, of the call that the stream is.
        number: What the node that has opened it calls it.

    Attributes:
        number: As given.
        leaving: Whether it is to be ended when it carries no call.
        given_up: Whether it was ended from here in the middle of a call.
    """

    def __init__(self, context: Any, number: int) -> None:
        self._context = context
        self.number = number
        self._parts: Handover[Came] = Handover()
        self._writing = asyncio.Lock()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.leaving = False
        self.given_up = False

    async def last(self, lines: Lines) -> None:
        """Read what comes, until one of the two sides ends the stream."""
        reading = asyncio.create_task(self._read(lines), name="oiafed-dial-out-line")
        try:
            await self._ended
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            self._parts.close()

    async def _read(self, lines: Lines) -> None:
        try:
            while (data := await self._context.read()) is not aio.EOF:
                if not data:
                    continue
                part, body = read_part(ReplyPart, data)
                if part.leaving:
                    self.leaving = True
                    lines.dismiss(self)
                else:
                    await self._parts.put((part, body))
        except RpcError as error:
            logger.warning("node %r: %s", lines.node_id, error.message)
        finally:
            self.end()

    async def write(self, part: bytes) -> None:
        """Send a part of a call."""
        async with self._writing:
            await self._context.write(part)

    async def keep_alive(self) -> None:
        """Send an empty part, for proxies that end streams on which nothing moves."""
        if self._writing.locked() or self._ended.done():
            return
        await self.tell(ALIVE)

    async def tell(self, part: bytes) -> None:
        """Send a part, if the stream has not ended."""
        with contextlib.suppress(aio.BaseError, asyncio.InvalidStateError):
            await self.write(part)

    async def take(self) -> Came | None:
        """The next part of the reply; None where the stream has ended."""
        return await self._parts.take()

    def end(self) -> None:
        """End the stream."""
        self._parts.close()
        if not self._ended.done():
            self._ended.set_result(None)


class Lines:
    """The streams of one node, in one of its lives. Whoever wants to call it waits for its turn.

    Args:
        node_id: The node.
        incarnation: What tells this start of it from its former ones.

    Attributes:
        node_id: As given.
        incarnation: As given.
    """

    def __init__(self, node_id: str, incarnation: str) -> None:
        self.node_id = node_id
        self.incarnation = incarnation
        self._all: set[Line] = set()
        self._idle: list[Line] = []
        self._waiting: deque[asyncio.Future[Line]] = deque()
        self._patience: asyncio.TimerHandle | None = None
        self._closed = False
        self._untold: list[int] = []
        self._telling: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def closed(self) -> bool:
        """Whether no more calls go over them."""
        return self._closed

    def add(self, line: Line) -> None:
        """A stream was opened."""
        if self._closed:
            line.end()
            return
        self._all.add(line)
        self._stop_waiting()
        self._free(line)

    def remove(self, line: Line) -> None:
        """A stream has ended."""
        self._all.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if self._all or self._closed:
            return
        if line.given_up:
            self._patience = asyncio.get_running_loop().call_later(_REPLACING, self._turn_away)
        else:
            self._turn_away()

    def dismiss(self, line: Line) -> None:
        """End a stream that the other side needs no more, if it carries no call now."""
        if line in self._idle:
            self._idle.remove(line)
            line.end()

    async def take(self) -> Line:
        """A stream for a call.

        Raises:
            NoLineError: where none is open.
        """
        if self._idle:
            return self._idle.pop()
        if self._closed or not (self._all or self._patience):
            raise NoLineError
        turn: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free(turn.result())
            raise

    def give_back(self, line: Line) -> None:
        """A call has come to its end, and its stream can carry another."""
        if line.leaving or self._closed:
            line.end()
        elif line in self._all:
            self._free(line)

    def give_up(self, line: Line) -> None:
        """End a stream in the middle of a call, which cancels it at the other side.

        Another stream tells of it, as the end of this one is not seen there before all that was sent over it is read.
        It is told over one that carries no call: a handler reads the others as fast as it takes its request.
        """
        line.given_up = True
        line.end()
        self._untold.append(line.number)
        if self._idle:
            self._tell_over(self._idle[-1])

    def _tell_over(self, line: Line) -> None:
        """Tell of the streams that were ended in the middle of a call."""
        untold, self._untold = self._untold, []
        for number in untold:
            told = CallPart(cancelled=number).SerializeToString()
            task = asyncio.create_task(line.tell(told), name="oiafed-dial-out-cancel")
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def _free(self, line: Line) -> None:
        self._tell_over(line)
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(line)
                return
        self._idle.append(line)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _turn_away(self) -> None:
        """No stream is open: who waits for one waits in vain."""
        self._stop_waiting()
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(NoLineError())

    async def keep_alive(self) -> None:
        """Let something move on each."""
        for line in tuple(self._all):
            await line.keep_alive()

    def close(self) -> None:
        """End all of them; calls under way fail."""
        self._closed = True
        self._turn_away()
        for line in tuple(self._all):
            line.end()

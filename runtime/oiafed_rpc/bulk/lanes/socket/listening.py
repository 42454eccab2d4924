"""The listening side of the socket lane: who may connect, and what is done for them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping

from oiafed_rpc.bulk.lanes.socket import places
from oiafed_rpc.bulk.lanes.socket.encryption import server_context
from oiafed_rpc.bulk.lanes.socket.exchange import Request
from oiafed_rpc.bulk.lanes.socket.line import SUPPORTED, Line, line_over
from oiafed_rpc.bulk.lanes.tickets import SIZE, Tickets
from oiafed_rpc.config import TlsConfig
from oiafed_rpc.forking import on_fork
from oiafed_rpc.lasting import apart_from_calls
from oiafed_rpc.log import logger
from oiafed_rpc.system import types

Operation = Callable[[Line, bytes], Awaitable[None]]
"""What is done for a connection that has asked for it, given the body of the request; runs on the event loop, and moves
bytes with `line.run`. An OSError that it raises ends the connection."""

_GREETING = 5.0  # seconds in which a connection must have shown its ticket
_MOST_STRANGERS = 64  # connections that have not
_MOST = 1024  # connections
_RESTING = 60.0  # seconds that one may ask for nothing; whoever dials closes it after half of that
_REFUSED = 0.1  # seconds to wait where the system gives no connection, for it has no descriptors left


class SocketListener:
    """Listens for the connections of the socket lane. Each shows a ticket, and then asks for one thing after the other.

    What strangers can do is bounded: 64 connections at a time that have not shown a ticket, the oldest of which gives
    way, five seconds each, and a line in the log for each way of going wrong.

    Args:
        name: The lane's name, in offers and in the log.
        host: Where the node's gRPC server listens, `unix:/path` included.
        port: The TCP port to listen on; 0 for any that is free.
        tickets: Whom to let in.
        operations: What can be asked for, by number.
        tls: What it proves itself with; None for plain text.
        idle: Seconds that the link may stand still during an operation.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        tickets: Tickets,
        operations: Mapping[int, Operation],
        *,
        tls: TlsConfig | None = None,
        idle: float = 30.0,
    ) -> None:
        self._name = name
        self._place = (host, port)
        self._tickets = tickets
        self._operations = operations
        self._tls = tls
        self._idle = idle
        self._context: ssl.SSLContext | None = None
        self._listening: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._strangers: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._starting = asyncio.Lock()
        self._stopped = False
        self._noted: set[str] = set()
        self.address = ""
        on_fork(self)

    async def offer(self) -> types.Lane | None:
        """Where to connect to, with a new ticket. Listens from the first time on; None where it can't."""
        if not SUPPORTED:
            return None
        try:
            await self.start()
        except OSError as error:
            self._note("cannot listen on %s:%d (%s); large payloads travel through gRPC", *self._place, error)
            return None
        if self._stopped:
            return None
        ticket, proof = self._tickets.issue()
        return types.Lane(name=self._name, address=self.address, ticket=ticket, proof=proof)

    async def start(self) -> None:
        """Listen, where that is not done already.

        Raises:
            OSError: where the address can't be listened on, or the files of `tls` are not what they should be.
        """
        async with self._starting:
            if self._listening is not None or self._stopped:
                return
            if self._tls is not None:
                self._context = server_context(self._tls)
            self._listening, self.address = await places.listen(*self._place)
            self._accepting = apart_from_calls(
                asyncio.create_task, self._accept(self._listening), name=f"oiafed-lane-{self._name}"
            )
            self._accepting.add_done_callback(lambda _: self._close())

    async def stop(self) -> None:
        """Stop listening, and end every connection with what runs over it."""
        async with self._starting:
            self._stopped = True
        tasks = [*self._connections, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _close(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # else it goes on in a forked process
            listening.close()
            places.leave(self.address)

    def forked(self) -> None:
        """Let go of what belongs to the parent."""
        if self._listening is not None:
            os.close(self._listening.detach())

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
                self._welcome(connection)
            except ConnectionError:
                continue  # it has gone already
            except OSError as error:
                self._note("gets no connections: %s", error)
                await asyncio.sleep(_REFUSED)

    def _welcome(self, connection: socket.socket) -> None:
        line = line_over(connection, self._context, _GREETING, listens=True)
        if len(self._connections) >= _MOST:
            self._note("has %d connections: further ones are closed", _MOST)
            line.close()
            return
        if len(self._strangers) >= _MOST_STRANGERS:
            self._note("has %d connections that have shown no ticket: the oldest are closed", _MOST_STRANGERS)
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.cancel()
        task = asyncio.create_task(self._serve(line), name=f"oiafed-lane-{self._name}-connection")
        self._connections.add(task)
        self._strangers[task] = None
        task.add_done_callback(functools.partial(self._ended, line))

    def _ended(self, line: Line, task: asyncio.Task[None]) -> None:
        line.close()
        self._connections.discard(task)
        self._known(task)

    def _known(self, task: asyncio.Task[None] | None) -> None:
        self._strangers.pop(task, None)  # type: ignore[arg-type]  # every connection has its task

    async def _serve(self, line: Line) -> None:
        """Everything that is done for one connection."""
        try:
            if not await self._greeted(line):
                return
            line.idle = self._idle
            while True:
                async with asyncio.timeout(_RESTING):
                    await _readable(line)
                await self._operate(line)
        except OSError as error:
            logger.debug("a connection of the %s lane has ended: %s", self._name, error)
        except ValueError as error:
            self._note("was asked for nonsense, as by something else than oiafed-rpc: %s", error)
        except Exception as error:
            logger.exception("the %s lane failed: %s", self._name, error)

    async def _greeted(self, line: Line) -> bool:
        """Whether a connection has shown a ticket in time."""
        try:
            async with asyncio.timeout(_GREETING):
                await _readable(line)  # silent ones get no thread
                ticket = await line.run(functools.partial(_ticket, line))
        except OSError as error:
            self._note("was connected to by something that shows no ticket: %s", str(error) or "it said nothing")
            return False
        proof = self._tickets.redeem(ticket)
        if proof is None:
            self._note("was shown a ticket that is not good, or not any more")
            return False
        self._known(asyncio.current_task())
        await line.run(lambda: line.send([proof]))
        return True

    async def _operate(self, line: Line) -> None:
        request = Request.arrived(line)
        if request is None:
            request = await line.run(functools.partial(Request.read, line))
        operation = self._operations.get(request.operation)
        if operation is None:
            raise ValueError(f"operation {request.operation}")
        await operation(line, request.body)

    def _note(self, problem: str, *details: object) -> None:
        """Tell of a problem, the first time for all to see."""
        tell = logger.debug if problem in self._noted else logger.warning
        self._noted.add(problem)
        tell(f"the {self._name} lane {problem}", *details)


def _ticket(line: Line) -> bytes:
    line.shake_hands()
    return line.receive_exactly(SIZE)


async def _readable(line: Line) -> None:
    """Wait, without a thread, until there is something to receive."""
    if line.pending or line.readable():
        return
    loop, descriptor = asyncio.get_running_loop(), line.fileno()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)

"""The listening side of shared memory: the processes of its host to which a node offers it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from typing import Any

from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import LaneUnfit, code_of
from oiafed_rpc.bulk.lanes.shared_memory.admission import admit
from oiafed_rpc.bulk.lanes.shared_memory.channel import SUPPORTED, Channel, Packet, listening_socket
from oiafed_rpc.bulk.lanes.shared_memory.segments import Segments
from oiafed_rpc.bulk.lanes.shared_memory.sharing import Kind, Sharing
from oiafed_rpc.bulk.lanes.tickets import Tickets
from oiafed_rpc.errors import RpcError
from oiafed_rpc.forking import on_fork
from oiafed_rpc.lasting import apart_from_calls
from oiafed_rpc.log import logger
from oiafed_rpc.system import types

_MOST_STRANGERS = 64  # connections that have not shown a ticket yet
_RESTING = 0.1  # seconds


class SharedMemoryListener:
    """Takes and gives transfers through shared memory.

    Args:
        depot: Where they are.
        tickets: What a connection begins with.
        segments: What this side puts its transfers into.
    """

    def __init__(self, depot: Depot, tickets: Tickets, segments: Segments) -> None:
        self._depot = depot
        self._tickets = tickets
        self._segments = segments
        self._sock: socket.socket | None = None
        self._name = ""
        self._unable = not SUPPORTED
        self._admitting: set[asyncio.Task[None]] = set()
        self._answering: set[_Answering] = set()
        on_fork(self)

    async def offer(self) -> types.Lane | None:
        """Where to connect to, with a ticket; None where this system has no such memory, or no such sockets."""
        if not self._listens():
            return None
        ticket, proof = self._tickets.issue()
        return types.Lane(name="shared_memory", address=self._name, ticket=ticket, proof=proof)

    def _listens(self) -> bool:
        if self._sock is None and not self._unable:
            try:
                self._segments.probe()
                self._sock, self._name = listening_socket()
            except (OSError, LaneUnfit) as error:
                self._unable = True
                logger.debug("no shared memory is offered: %s", error)
            else:
                loop = asyncio.get_running_loop()
                apart_from_calls(loop.add_reader, self._sock.fileno(), self._accept, self._sock)
        return not self._unable

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except (BlockingIOError, ConnectionError):
            return  # he has gone already
        except OSError:  # there are no descriptors left
            self._rest(listening)
            return
        sock.setblocking(False)
        if len(self._admitting) >= _MOST_STRANGERS:
            sock.close()
            return
        task = asyncio.ensure_future(self._admit(sock))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    def _rest(self, listening: socket.socket) -> None:
        """Accept nobody for a moment, in place of trying all the time."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening.fileno())

        def go_on() -> None:
            if listening.fileno() >= 0:
                loop.add_reader(listening.fileno(), self._accept, listening)

        loop.call_later(_RESTING, go_on)

    async def _admit(self, sock: socket.socket) -> None:
        try:
            await admit(sock, self._tickets)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            logger.debug("a connection for shared memory was refused: %s", error)
            return
        self._answering.add(_Answering(sock, self._depot, self._segments, self._answering))

    async def stop(self) -> None:
        """End all connections, and listen no more. What was received through them stays."""
        self._unable = True
        sock, self._sock = self._sock, None
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()
        for task in tuple(self._admitting):
            task.cancel()
        if self._admitting:
            await asyncio.wait(tuple(self._admitting))
        for answering in tuple(self._answering):
            await answering.close()

    def forked(self) -> None:
        """Let go in a forked child."""
        self._unable = True
        if self._sock is not None:
            with contextlib.suppress(OSError):
                os.close(self._sock.detach())


class _Answering:
    """The end of a connection that was connected to."""

    def __init__(self, sock: socket.socket, depot: Depot, segments: Segments, among: set[_Answering]) -> None:
        self._depot = depot
        self._segments = segments
        self._among = among
        self._giving: set[asyncio.Task[None]] = set()
        self._channel = Channel(sock, self._received, self._lost)
        self._sharing = Sharing(segments, self._channel.send)

    def _received(self, packet: Packet, fd: int | None) -> None:
        if packet.kind == Kind.PUSH:
            with contextlib.suppress(ConnectionError):
                self._channel.send(self._arrived(packet, fd)._replace(request=packet.request))
        elif packet.kind == Kind.PULL:
            self._run(self._give(packet))
        elif packet.kind == Kind.HAVE:
            self._depot.delivered(packet.id)
        elif not self._sharing.told(packet):
            raise ValueError(f"a packet of an unknown kind, {packet.kind}")

    def _arrived(self, packet: Packet, fd: int | None) -> Packet:
        """Takes what was pushed; gives the answer."""
        try:
            buffers = self._sharing.borrow(packet, fd)
            incoming = self._depot.arrive(packet.id, [len(each) for each in buffers])
            if not incoming.complete:
                incoming.adopt(buffers)
        except (ValueError, OSError) as error:
            return Packet(Kind.UNFIT, text=f"the shared memory can't be used: {error}".encode())
        except RpcError as error:
            return _refusal(error)
        return Packet(Kind.YES)

    async def _give(self, asked: Packet) -> None:
        def moves() -> None:
            self._channel.send(Packet(Kind.MOVES, request=asked.request))

        try:
            outgoing = self._depot.departing(asked.id)
            placement = await self._segments.place(outgoing, moves)
            self._sharing.lend(Packet(Kind.LENT, request=asked.request, id=asked.id), placement)
        except Exception as error:
            with contextlib.suppress(ConnectionError):
                self._channel.send(_failure(error)._replace(request=asked.request))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)

    def _lost(self) -> None:
        self._among.discard(self)
        self._sharing.end()
        for task in self._giving:
            task.cancel()

    async def close(self) -> None:
        """End it."""
        if not self._channel.closed:
            self._channel.close()
            self._lost()
        if self._giving:
            await asyncio.wait(tuple(self._giving))
        await self._sharing.settled()


def _failure(error: Exception) -> Packet:
    if isinstance(error, RpcError):
        return _refusal(error)
    told = str(error).encode(errors="replace")
    if isinstance(error, OSError):
        return Packet(Kind.BROKEN, text=told)
    if not isinstance(error, LaneUnfit):
        logger.exception("a transfer could not be put into shared memory", exc_info=error)
    return Packet(Kind.UNFIT, text=told)


def _refusal(error: RpcError) -> Packet:
    return Packet(Kind.REFUSED, code=code_of(error), text=error.message.encode(errors="replace"))

"""Raw sockets as one would use them from Python: `sendall` of a view, `recv_into` an array of its own."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.bulk.contenders.base import Array, Contender

_HEAD = struct.Struct("!?Q")
_DONE = b"\1"


def receive_exactly(sock: socket.socket, view: memoryview) -> None:
    """Fill a view.

    Raises:
        ConnectionError: where the other side hangs up.
    """
    while view:
        count = sock.recv_into(view, len(view), socket.MSG_WAITALL)
        if not count:
            raise ConnectionError("the other side has hung up")
        view = view[count:]


def _receive(sock: socket.socket, size: int) -> memoryview:
    array = np.empty(size, np.uint8)
    receive_exactly(sock, memoryview(array))
    return memoryview(array)


def _answer(sock: socket.socket) -> None:
    """Serve one connection until it is closed."""
    head = memoryview(bytearray(_HEAD.size))
    while True:
        try:
            receive_exactly(sock, head)
        except ConnectionError:
            return
        back, size = _HEAD.unpack(head)
        data = _receive(sock, size)
        sock.sendall(data if back else _DONE)
        del data


def _accept(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_answer, args=(sock,), daemon=True).start()


class RawSocket(Contender):
    """A head that tells the size, the bytes, and one byte back. It blocks its loop, on which nothing else runs."""

    def __init__(self, family: str = "tcp") -> None:
        self._unix = family == "unix"
        self._sockets: list[socket.socket] = []
        self._threads = ThreadPoolExecutor(16)

    async def serve(self, index: int) -> str:
        """Listen, and answer each connection in a thread of its own."""
        if self._unix:
            address = f"bench-{os.getpid()}-{index}"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"\0{address}")
            listener.listen()
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            address = str(listener.getsockname()[1])
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        return address

    async def connect(self, addresses: Sequence[str]) -> None:
        """Open a connection to each."""
        self._sockets = [self._dial(address) for address in addresses]

    def _dial(self, address: str) -> socket.socket:
        if self._unix:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(f"\0{address}")
            return sock
        sock = socket.create_connection(("127.0.0.1", int(address)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    async def small(self) -> None:
        """A head alone."""
        self._send(np.empty(0, np.float32), 0)

    def _send(self, payload: Array, to: int) -> None:
        sock, view = self._sockets[to], memoryview(payload).cast("B")
        sock.sendall(_HEAD.pack(False, len(view)))
        sock.sendall(view)
        receive_exactly(sock, memoryview(bytearray(1)))

    async def send(self, payload: Array, to: int = 0) -> None:
        """Send, and wait for the byte."""
        self._send(payload, to)

    async def echo(self, payload: Array) -> None:
        """Send, and receive as much."""
        sock, view = self._sockets[0], memoryview(payload).cast("B")
        sock.sendall(_HEAD.pack(True, len(view)))
        sock.sendall(view)
        _receive(sock, len(view))

    async def broadcast(self, payload: Array, count: int) -> None:
        """Send to all at once, each in a thread of its own."""
        for _ in self._threads.map(lambda to: self._send(payload, to), range(count)):
            pass

    async def close(self) -> None:
        """Hang up."""
        for sock in self._sockets:
            sock.close()

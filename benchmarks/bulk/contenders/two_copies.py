"""Shared memory as one would write it by hand: copied into a block piece by piece, and out of it on the other side.

The block is a ring of a few pieces; one byte each way on a Unix socket tells that a piece is filled, or free again. So
both sides copy at the same time, and no memory is touched for the first time in the block.
"""

from __future__ import annotations

import mmap
import os
import socket
import struct
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.bulk.contenders.base import Array, Contender
from benchmarks.bulk.contenders.raw import receive_exactly

PIECE = 1 << 20
PIECES = 8
_HEAD = struct.Struct("!?Q")

Bytes = NDArray[np.uint8]


class Ring:
    """One side of a block that two processes share."""

    def __init__(self, sock: socket.socket, descriptor: int) -> None:
        self.sock = sock
        self._block: Bytes = np.frombuffer(mmap.mmap(descriptor, PIECE * PIECES), np.uint8)

    def _pieces(self, data: Bytes) -> list[tuple[Bytes, Bytes]]:
        pairs: list[tuple[Bytes, Bytes]] = []
        for number, start in enumerate(range(0, len(data), PIECE)):
            part, place = data[start : start + PIECE], number % PIECES * PIECE
            pairs.append((part, self._block[place : place + len(part)]))
        return pairs

    def _count(self, most: int) -> int:
        told = len(self.sock.recv(most))
        if not told:
            raise ConnectionError("the other side has hung up")
        return told

    def write(self, data: Bytes) -> None:
        """Copy into the block; returns once the other side has copied all out of it."""
        full = 0
        for part, place in self._pieces(data):
            if full == PIECES:
                full -= self._count(full)
            place[:] = part
            self.sock.sendall(b"\1")
            full += 1
        while full:
            full -= self._count(full)

    def read(self, size: int) -> Bytes:
        """Copy out of the block, into an array of its own."""
        data: Bytes = np.empty(size, np.uint8)
        filled = 0
        pieces = self._pieces(data)
        for number, (part, place) in enumerate(pieces):
            if not filled:
                filled += self._count(len(pieces) - number)
            part[:] = place
            self.sock.sendall(b"\1")
            filled -= 1
        return data


def _answer(sock: socket.socket) -> None:
    """Serve one connection until it is closed."""
    _, descriptors, _, _ = socket.recv_fds(sock, 1, 1)
    ring, head = Ring(sock, descriptors[0]), memoryview(bytearray(_HEAD.size))
    os.close(descriptors[0])
    while True:
        try:
            receive_exactly(sock, head)
        except ConnectionError:
            return
        back, size = _HEAD.unpack(head)
        data = ring.read(size)
        if back:
            ring.write(data)
        else:
            sock.sendall(b"\1")
        del data


def _accept(listener: socket.socket) -> None:
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_answer, args=(sock,), daemon=True).start()


class TwoCopies(Contender):
    """Two copies through a shared block."""

    def __init__(self) -> None:
        self._rings: list[Ring] = []

    async def serve(self, index: int) -> str:
        """Listen, and answer each connection in a thread of its own."""
        address = f"bench-ring-{os.getpid()}-{index}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"\0{address}")
        listener.listen()
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        return address

    async def connect(self, addresses: Sequence[str]) -> None:
        """Make a block for each, and hand it over."""
        self._rings = [self._dial(address) for address in addresses]

    @staticmethod
    def _dial(address: str) -> Ring:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(f"\0{address}")
        descriptor = os.memfd_create("bench")
        os.ftruncate(descriptor, PIECE * PIECES)
        socket.send_fds(sock, [b"\1"], [descriptor])
        ring = Ring(sock, descriptor)
        os.close(descriptor)
        return ring

    async def small(self) -> None:
        """A head alone."""
        await self.send(np.empty(0, np.float32))

    async def send(self, payload: Array, to: int = 0) -> None:
        """Send, and wait for the byte."""
        ring = self._rings[to]
        ring.sock.sendall(_HEAD.pack(False, payload.nbytes))
        ring.write(payload.view(np.uint8))
        receive_exactly(ring.sock, memoryview(bytearray(1)))

    async def echo(self, payload: Array) -> None:
        """Send, and receive as much."""
        ring = self._rings[0]
        ring.sock.sendall(_HEAD.pack(True, payload.nbytes))
        ring.write(payload.view(np.uint8))
        ring.read(payload.nbytes)

    async def close(self) -> None:
        """Hang up."""
        for ring in self._rings:
            ring.sock.close()

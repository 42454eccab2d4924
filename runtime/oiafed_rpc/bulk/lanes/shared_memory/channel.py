"""A connection between two processes of one user on one host, for packets and the descriptors of shared memory."""

from __future__ import annotations

import array
import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from oiafed_rpc.forking import on_fork
from oiafed_rpc.lasting import apart_from_calls

SUPPORTED: Final = hasattr(socket, "SOCK_SEQPACKET") and hasattr(socket, "SO_PEERCRED")
"""Whether this system has such connections."""

_PREFIX = "oiafed-"
_LARGEST = 4096  # bytes of a packet
_MOST_FDS = 4  # that are looked at; a packet has at most one
_AT_ONCE = 16  # packets, before others get their turn on the event loop
_INT = struct.calcsize("i")
_HEAD = struct.Struct("=BB2xIQQ16s")


class Packet(NamedTuple):
    """What is said at once.

    Attributes:
        kind: What it says.
        request: The number of the request that it makes or answers.
        segment: The number of a segment.
        generation: How often that has been used.
        id: The id of a transfer.
        code: Of an error.
        text: Anything else.
    """

    kind: int
    request: int = 0
    segment: int = 0
    generation: int = 0
    id: bytes = b""
    code: int = 0
    text: bytes = b""

    def to_bytes(self) -> bytes:
        """As it travels."""
        head = _HEAD.pack(self.kind, self.code, self.request, self.segment, self.generation, self.id)
        return (head + self.text)[:_LARGEST]

    @classmethod
    def from_bytes(cls, data: bytes) -> Packet:
        """What has arrived; ValueError where it is no packet."""
        if len(data) < _HEAD.size:
            raise ValueError(f"a packet of {len(data)} bytes")
        kind, code, request, segment, generation, id = _HEAD.unpack_from(data)  # noqa: A001 - as everywhere
        return cls(kind, request, segment, generation, id, code, data[_HEAD.size :])


class Channel:
    """A connection.

    Args:
        sock: The connected socket, which now belongs to the channel.
        received: Called with each packet, and with the descriptor that came with it, which then belongs to whoever is
            called. A ValueError from it ends the connection.
        lost: Called once the connection has ended, unless this side has closed it.
    """

    def __init__(
        self, sock: socket.socket, received: Callable[[Packet, int | None], object], lost: Callable[[], object]
    ) -> None:
        self._sock = sock
        self._received = received
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        apart_from_calls(self._loop.add_reader, sock.fileno(), self._read)
        on_fork(self)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._sock.fileno() < 0

    def send(self, packet: Packet, fd: int | None = None) -> None:
        """Say something.

        Args:
            packet: What.
            fd: A descriptor that the other side is to have, too.

        Raises:
            ConnectionError: where the connection has ended, or the other side no longer listens.
        """
        rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]).tobytes())]
        try:
            self._sock.sendmsg([packet.to_bytes()], rights)
        except OSError as error:  # a full buffer included: packets are few, and nobody has read hundreds of them
            self._end()
            raise ConnectionError(f"the connection for shared memory has ended: {error.strerror or error}") from error

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                if self.closed or not self._read_one():
                    return
            except (OSError, ValueError):
                self._end()
                return

    def _read_one(self) -> bool:
        """Whether there may be another packet."""
        fds: list[int] = []
        try:
            data, extra, flags, _ = self._sock.recvmsg(
                _LARGEST, socket.CMSG_SPACE(_MOST_FDS * _INT), socket.MSG_CMSG_CLOEXEC
            )
            fds += _descriptors(extra)
            if not data or flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC) or len(fds) > 1:
                raise ConnectionError("the other side has ended the connection, or says what can't be understood")
            packet = Packet.from_bytes(data)
            self._received(packet, fds.pop() if fds else None)
        except BlockingIOError:
            return False
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def _end(self) -> None:
        if not self.closed:
            self.close()
            self._lost()

    def close(self) -> None:
        """End it."""
        if not self.closed:
            self._loop.remove_reader(self._sock.fileno())
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)  # reaches the other side even where a forked child has it, too
            self._sock.close()

    def forked(self) -> None:
        """Let go in a forked child, without a word to the other side."""
        with contextlib.suppress(OSError):
            os.close(self._sock.detach())


def _descriptors(extra: list[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, content in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(content[: len(content) - len(content) % _INT])
    return fds.tolist()


def listening_socket() -> tuple[socket.socket, str]:
    """A socket that listens, and its name, which is no file: nothing is left of it when this process ends.

    Raises:
        OSError: where that can't be had.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        name = _PREFIX + os.urandom(16).hex()
        sock.bind("\0" + name)
        sock.listen(128)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock, name


def connected_socket(name: str) -> socket.socket:
    """A connection to a name, made at once or not at all.

    Raises:
        OSError: where nobody listens there, as on another host or in another network namespace; PermissionError where
            another user does.
    """
    if not name.startswith(_PREFIX):
        raise ConnectionError("no address of a lane")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.setblocking(False)
        sock.connect("\0" + name)
        check_user(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def check_user(sock: socket.socket) -> None:
    """See that a process of the same user is at the other end of a connection.

    Raises:
        PermissionError: where it is not.
    """
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 3 * _INT))
    if uid != os.geteuid():
        raise PermissionError(f"the process at the other end belongs to user {uid}, this one to {os.geteuid()}")

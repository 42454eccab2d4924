"""One connection of a lane: blocking, and used by one worker thread at a time, so that bytes move outside the GIL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar, cast

from typing_extensions import Buffer, override

from oiafed_rpc.forking import on_fork
from oiafed_rpc.workers import WORKERS

if sys.platform != "win32":
    import fcntl
    import termios

T = TypeVar("T")

SUPPORTED: Final = hasattr(socket.socket, "recvmsg_into") and hasattr(socket, "SO_RCVTIMEO")
"""Whether this system has what lines are made of; Windows does not."""

_MOST_VIEWS = 1024  # of one system call: the limit of Linux
_PATIENCE = 5.0  # seconds for the thread of an aborted connection to end; it needs a chunk's time
_LOOK = 0.5  # seconds
_WASTE = 256 << 10
_INT = struct.calcsize("i")


class Line:
    """A connection.

    A link that does not move what one call of `send` or `receive` was given within `idle` seconds raises TimeoutError;
    one that breaks, or is aborted, ConnectionError.

    Args:
        sock: The connected socket, which now belongs to the line.
        idle: Seconds.
    """

    def __init__(self, sock: socket.socket, idle: float) -> None:
        self._sock = sock
        self._idle = 0.0
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.idle = idle
        on_fork(self)

    @property
    def idle(self) -> float:
        """Seconds that the link may stand still."""
        return self._idle

    @idle.setter
    def idle(self, idle: float) -> None:
        if idle != self._idle:
            self._idle = idle
            with contextlib.suppress(OSError):  # of a closed one: its next use tells
                self._set_timeout(idle)

    def _set_timeout(self, idle: float) -> None:
        """The kernel watches the time: with a timeout of Python's own, the socket would not block, nor wait for all."""
        self._sock.settimeout(None)
        limit = struct.pack("ll", int(idle), max(int(idle % 1 * 1e6), 1))
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    # --- moving bytes, in a worker thread

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Send buffers one after the other; returns when the kernel has taken all of them."""
        self._move(buffers, self._write)

    def receive(self, buffers: Sequence[Buffer]) -> None:
        """Fill writable buffers one after the other."""
        self._move(buffers, self._read)

    def _move(self, buffers: Sequence[Buffer], step: Callable[[list[memoryview]], int]) -> None:
        views = [view.cast("B") for buffer in buffers if (view := memoryview(buffer)).nbytes]
        left = sum(view.nbytes for view in views)
        end = time.monotonic() + self._idle
        while left:
            try:
                moved = step(views)
            except (BlockingIOError, TimeoutError):
                raise self._stopped() from None
            except ConnectionError:
                raise
            except OSError as error:
                raise ConnectionError(f"the connection broke: {error.strerror or error}") from error
            if not moved:
                raise ConnectionResetError("the other side has closed the connection")
            left -= moved
            if left:
                views = _after(views, moved)
                if time.monotonic() >= end:
                    raise self._stopped()

    def _write(self, views: list[memoryview]) -> int:
        return self._sock.sendmsg(views[:_MOST_VIEWS])

    def _read(self, views: list[memoryview]) -> int:
        return self._sock.recvmsg_into(views[:_MOST_VIEWS], 0, socket.MSG_WAITALL)[0]

    def _stopped(self) -> TimeoutError:
        return TimeoutError(f"the connection stood still for {self._idle:g} s")

    def receive_exactly(self, size: int) -> bytes:
        """The next `size` bytes."""
        data = bytearray(size)
        self.receive([data])
        return bytes(data)

    def settle(self, moved: Callable[[], object]) -> None:
        """Wait for something to receive, as long as what was sent before still gets through: a slow link may have a lot
        of it in its buffers.

        Args:
            moved: Called when some of it got through.

        Raises:
            TimeoutError: where nothing did for `idle` seconds.
        """
        end, unsent = time.monotonic() + self._idle, self._unsent()
        while not self.pending and not self._poll.poll(min(self._idle, _LOOK) * 1000):
            now, before, unsent = time.monotonic(), unsent, self._unsent()
            if unsent != before:
                end = now + self._idle
                moved()
            elif now >= end:
                raise self._stopped()

    def _unsent(self) -> int:
        """Bytes that the other side's system has not confirmed."""
        with contextlib.suppress(OSError):
            return int.from_bytes(fcntl.ioctl(self._sock, termios.TIOCOUTQ, bytes(_INT)), sys.byteorder)
        return 0

    def drain(self) -> None:
        """Throw away what still comes, until the other side ends the connection or nothing has come for `idle` seconds.

        A connection that is closed with something unread would take back what was sent last.
        """
        waste = memoryview(bytearray(_WASTE))
        with contextlib.suppress(OSError):
            while self._read([waste]):
                pass

    # --- around it

    def shake_hands(self) -> None:
        """Agree on the keys of TLS, in a worker thread; nothing to do without it."""

    def readable(self) -> bool:
        """Whether there is something to receive at once, be it the end of the connection."""
        try:
            return bool(self._poll.poll(0))
        except (OSError, ValueError):
            return True

    def peek(self, size: int) -> bytes:
        """What can be received at once, up to a size, and still can afterwards; nothing where that can't be told."""
        try:
            return self._sock.recv(size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError:
            return b""

    @property
    def pending(self) -> bool:
        """Whether something has been received that the system no longer tells of."""
        return False

    def fileno(self) -> int:
        """The descriptor of the socket, to wait for it; -1 once closed."""
        return self._sock.fileno()

    async def run(self, operation: Callable[[], T]) -> T:
        """Run an operation in a worker thread. When the caller is cancelled, the connection is aborted and the thread
        waited for, so that it touches nothing afterwards."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def work() -> T:
            try:
                return operation()
            finally:
                with contextlib.suppress(RuntimeError):  # of a loop that has closed
                    loop.call_soon_threadsafe(ended.set)

        try:
            return cast("T", await WORKERS.run(work))
        except asyncio.CancelledError:
            self.abort()
            await _settled(ended)
            raise

    def abort(self) -> None:
        """End the connection, from any thread: whoever sends or receives wakes with ConnectionError."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)  # not that of TLS, which another thread may be using

    def finish(self) -> None:
        """Tell the other side that nothing more will be sent."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_WR)

    def close(self) -> None:
        """End the connection and give its socket back; nobody may be using it."""
        self.abort()  # reaches the other side even where a forked process has the socket too
        self._sock.close()

    def forked(self) -> None:
        """Let go in a forked child, without a word to the other side: the connection is its parent's."""
        with contextlib.suppress(OSError):
            os.close(self._sock.detach())


class TlsLine(Line):
    """A connection under TLS.

    Args:
        sock: The connection, which has shaken hands.
        idle: Seconds that the link may stand still.
    """

    def __init__(self, sock: ssl.SSLSocket, idle: float) -> None:
        self._tls = sock
        super().__init__(sock, idle)

    @override
    def _set_timeout(self, idle: float) -> None:
        self._tls.settimeout(idle)  # the ssl module takes a timeout of the kernel for a record that is not whole yet

    @override
    def shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except TimeoutError:
            raise self._stopped() from None
        except ssl.SSLError as error:
            raise ConnectionError(f"TLS failed: {_reason(error)}") from error

    @override
    def _write(self, views: list[memoryview]) -> int:
        return self._tls.send(views[0])

    @override
    def _read(self, views: list[memoryview]) -> int:
        return self._tls.recv_into(views[0])

    @override
    def peek(self, size: int) -> bytes:
        return b""  # a record may not be whole yet

    @property
    @override
    def pending(self) -> bool:
        return self._tls.pending() > 0


def line_over(
    sock: socket.socket, context: ssl.SSLContext | None, idle: float, *, listens: bool, expected: str | None = None
) -> Line:
    """A line over a connected socket, which still has to shake hands.

    Args:
        sock: The socket, which is closed where this fails.
        context: What TLS needs; None for plain text.
        idle: Seconds that the link may stand still.
        listens: Whether this side was connected to.
        expected: Whom the certificate at the other end must be for, where this side has connected.

    Raises:
        ConnectionError: where the connection is gone already, or `expected` can't be the name of a certificate.
    """
    try:
        if context is None:
            return Line(sock, idle)
        name = expected.encode("idna").decode() if expected else None  # here, as `wrap_socket` leaves a socket open
        sock.settimeout(idle)
        wrapped = context.wrap_socket(sock, listens, do_handshake_on_connect=False, server_hostname=name)
        return TlsLine(wrapped, idle)
    except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
        sock.close()
        raise ConnectionError(f"the connection can't be used: {error}") from error


def _reason(error: ssl.SSLError) -> str:
    return (getattr(error, "verify_message", None) or error.reason or str(error)).replace("_", " ").lower()


def _after(views: list[memoryview], moved: int) -> list[memoryview]:
    """What is left of views of which some bytes are done."""
    done = 0
    while moved >= views[done].nbytes:
        moved -= views[done].nbytes
        done += 1
    return [views[done][moved:], *views[done + 1 :]]


async def _settled(ended: asyncio.Event) -> None:
    """Wait for a thread whose connection has been aborted, however often the one who waits is cancelled."""
    end = time.monotonic() + _PATIENCE
    while not ended.is_set() and (left := end - time.monotonic()) > 0:
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            async with asyncio.timeout(left):
                await ended.wait()

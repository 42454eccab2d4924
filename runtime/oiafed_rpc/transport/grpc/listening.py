"""The gRPC server of a node: its address, its life."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat

import grpc
from grpc import aio

from oiafed_rpc.errors import ConfigError
from oiafed_rpc.transport.grpc.forks import USE
from oiafed_rpc.transport.grpc.options import UNIX, authority, server_options
from oiafed_rpc.transport.grpc.protection import protect

_GRACE = 1.0  # seconds in which streams that the node has ended are told so


class GrpcServer:
    """A gRPC server.

    Args:
        handler: What answers its calls.
        max_message_size: Bytes of the largest message.
        credentials: What it proves itself with; None for plain text.
    """

    def __init__(
        self, handler: grpc.GenericRpcHandler, max_message_size: int, credentials: grpc.ServerCredentials | None
    ) -> None:
        USE.begin()
        protect(asyncio.get_running_loop())
        self._server = aio.server(options=server_options(max_message_size))
        self._server.add_generic_rpc_handlers((handler,))
        self._credentials = credentials
        self._guard: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port: the one asked for, or a free one for 0; 0 for a Unix socket.

        Raises:
            ConfigError: where the address can't be listened on.
        """
        problem = await _problem(host, port)  # gRPC would print it, and not say it
        bound = 0 if problem else self._bind(host, port)
        if not bound:
            problem = problem or await _problem(host, port) or "gRPC refused it"
            raise ConfigError(f"cannot listen on {authority(host, port)}: {problem}")
        await self._server.start()
        self._guard = asyncio.create_task(self._stop_at_the_end(), name="oiafed-grpc-server")
        await asyncio.sleep(0)  # lets the guard begin: a task that is cancelled before it has would not clean up
        return 0 if host.startswith(UNIX) else bound

    async def _stop_at_the_end(self) -> None:
        """Wait to be cancelled, by `stop` or by the end of `asyncio.run`, and shut the server down in order."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self._server.stop(_GRACE)

    def _bind(self, host: str, port: int) -> int:
        """What gRPC has bound; 0 where another was quicker."""
        try:
            if self._credentials is None:
                return self._server.add_insecure_port(authority(host, port))
            return self._server.add_secure_port(authority(host, port), self._credentials)
        except RuntimeError:
            return 0

    async def stop(self) -> None:
        """Stop listening, let what is running end, and cancel what does not end soon."""
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.wait([self._guard])


async def _problem(host: str, port: int) -> str | None:
    """Why an address can't be listened on; None where it can."""
    try:
        if host.startswith(UNIX):
            return _socket_problem(host.removeprefix(UNIX))
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the port is in use; stop what listens there, or choose another port (0 for any that is free)"
        return error.strerror or str(error)
    return None


def _socket_problem(path: str) -> str | None:
    """Why a Unix socket can't be made; one that a killed node has left is removed."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return "there is a file of that name, and it is no socket"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
            else:
                return "the socket is in use; stop what listens there, or choose another path"
    if not os.access(os.path.dirname(path) or ".", os.W_OK):
        return f"no file can be made in {os.path.dirname(path) or '.'}"
    return None

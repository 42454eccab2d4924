"""Where the socket lane listens, and how it is reached: TCP ports, and the files of Unix sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat

_FILE = "unix:"
_BESIDE = ".bulk"

_CONNECTING = 1.0  # seconds
_BACKLOG = 128


async def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its address, as those who have a connection to the node's gRPC server are told.

    Args:
        host: Where that listens, `unix:/path` included.
        port: The port; 0 for any that is free.

    Raises:
        OSError: where that can't be listened on.
    """
    if host.startswith(_FILE):
        return _listen_at(host.removeprefix(_FILE) + _BESIDE), host + _BESIDE
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, place = found[0]
    listening = _bound(family, place)
    return listening, str(listening.getsockname()[1])


def _listen_at(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)  # of a killed node: the one that listens now has the neighbour, which belongs to one
    return _bound(socket.AF_UNIX, path)


def _bound(family: int, place: object) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):  # where IPv4 is off
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(place)  # type: ignore[arg-type]  # of the family
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def leave(address: str) -> None:
    """Remove what a closed listener has left: the file of a Unix socket."""
    if address.startswith(_FILE):
        with contextlib.suppress(OSError):
            os.unlink(address.removeprefix(_FILE))


async def reach(address: str, host: str) -> socket.socket:
    """A connection to a listener, within a second.

    Args:
        address: As the node tells it. It may name no socket but one that belongs to a node.
        host: Where its gRPC server was reached.

    Raises:
        OSError: where there is no connection to be had.
    """
    async with asyncio.timeout(_CONNECTING):
        if address.startswith(_FILE) and address == host + _BESIDE:
            return await _connected(socket.AF_UNIX, address.removeprefix(_FILE))
        if not (address.isdecimal() and address.isascii() and int(address) < 1 << 16):
            raise ConnectionError(f"{address!r} is no address of a lane of {host}")
        return await _reach_port(host, int(address))


async def _reach_port(host: str, port: int) -> socket.socket:
    """Connected to the first of a host's addresses that answers."""
    failed: OSError = ConnectionError("no such host")
    for family, _, _, _, place in await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            return await _connected(family, place)
        except OSError as error:
            failed = error
    try:
        raise failed
    finally:
        del failed  # which has this frame


async def _connected(family: int, place: object) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, place)  # type: ignore[arg-type]  # of the family
    except BaseException:
        connection.close()
        raise
    return connection

"""How the two ends of a connection for shared memory make sure of each other."""

from __future__ import annotations

import asyncio
import hmac
import socket

from oiafed_rpc.bulk.lanes.shared_memory.channel import check_user, connected_socket
from oiafed_rpc.bulk.lanes.tickets import SIZE, Tickets
from oiafed_rpc.system import types

_ANSWERING = 1.0  # seconds for whoever listens
_SHOWING = 5.0  # seconds for whoever has connected


async def connect(offer: types.Lane) -> socket.socket:
    """A connection to where a node of this host offers its shared memory.

    Raises:
        OSError: where it can't be had within a second: the node is on another host, or belongs to another user.
    """
    sock = connected_socket(offer.address)
    try:
        sock.send(offer.ticket)
        if not hmac.compare_digest(await _received(sock, _ANSWERING), offer.proof):
            raise ConnectionError("somebody else listens at the address for shared memory")
    except BaseException:
        sock.close()
        raise
    return sock


async def admit(sock: socket.socket, tickets: Tickets) -> None:
    """Check who has connected.

    Raises:
        OSError: where he belongs to another user, or has no ticket, or does not show it within 5 seconds.
    """
    check_user(sock)
    proof = tickets.redeem(await _received(sock, _SHOWING))
    if proof is None:
        raise PermissionError("what has connected for shared memory has no ticket")
    sock.send(proof)


async def _received(sock: socket.socket, seconds: float) -> bytes:
    """The first packet of a socket that does not block."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sock.fileno(), readable.set)
    try:
        async with asyncio.timeout(seconds):
            await readable.wait()
    finally:
        loop.remove_reader(sock.fileno())
    return sock.recv(SIZE)

"""Opening a connection of a lane that a node has offered."""

from __future__ import annotations

import functools
import hmac

from oiafed_rpc.bulk.lanes.socket import places
from oiafed_rpc.bulk.lanes.socket.encryption import client_context
from oiafed_rpc.bulk.lanes.socket.line import SUPPORTED, Line, line_over
from oiafed_rpc.bulk.lanes.tickets import SIZE
from oiafed_rpc.config import TlsConfig
from oiafed_rpc.system import types
from oiafed_rpc.workers import WORKERS

_GREETING = 5.0  # seconds that each step of it may take


async def connect(
    offer: types.Lane, host: str, *, tls: TlsConfig | None = None, expected: str = "", idle: float
) -> Line:
    """A connection over which both sides have shown that they were told of each other by gRPC.

    Args:
        offer: What `oiafed.v1.Bulk/Open` has answered.
        host: Where the node's gRPC server was reached, `unix:/path` included.
        tls: What proves this side and whom it trusts; None for plain text.
        expected: Whom the certificate at the other end must be for, with TLS.
        idle: Seconds that the link may stand still.

    Raises:
        OSError: where there is none to be had, TimeoutError and ConnectionError included.
    """
    if not SUPPORTED:
        raise ConnectionError("this system has no blocking sockets that fill memory in place")
    context = await WORKERS.run(functools.partial(client_context, tls)) if tls else None
    sock = await places.reach(offer.address, host)
    line = line_over(sock, context, _GREETING, listens=False, expected=expected or host)
    try:
        await line.run(functools.partial(_greet, line, offer))
    except BaseException:
        line.close()
        raise
    line.idle = idle
    return line


def _greet(line: Line, offer: types.Lane) -> None:
    if len(offer.ticket) != SIZE:
        raise ConnectionError("the ticket of the lane is none")
    line.shake_hands()
    line.send([offer.ticket])
    if not hmac.compare_digest(line.receive_exactly(SIZE), offer.proof):
        raise ConnectionError("what answers at the address of the lane is not the node that was called")

"""What can be done over a line: push a transfer to whoever listens, and pull one from there."""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Mapping
from typing import Final, NoReturn

from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming, Session
from oiafed_rpc.bulk.lanes.socket.chunks import receive_chunks, send_chunks
from oiafed_rpc.bulk.lanes.socket.exchange import Request, agree, hear, refuse
from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.bulk.lanes.socket.listening import Operation
from oiafed_rpc.bulk.meter import Meter
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.errors import RpcError

PUSH: Final = 1
"""The body is the id, a byte that tells whether to answer first how much has been received, and the sizes."""

PULL: Final = 2
"""The body is the id, and the byte to begin with."""

_PUSH = struct.Struct("!16s?")
_PULL = struct.Struct("!16sQ")
_RECEIVED = struct.Struct("!Q")
_SIZE = 8


def push(line: Line, outgoing: Outgoing, meter: Meter, *, resume: bool) -> None:
    """Bring a transfer to the other side, from a worker thread; as `Lane.push`."""
    sizes = struct.pack(f"!{len(outgoing.sizes)}Q", *outgoing.sizes)
    line.send([Request(PUSH, _PUSH.pack(outgoing.id, resume) + sizes).to_bytes()])
    start = 0
    if resume:
        hear(line)
        (start,) = _RECEIVED.unpack(line.receive_exactly(_RECEIVED.size))
        if start > outgoing.size:
            raise TransferError(f"the other side says that it has {start:,} bytes, of {outgoing.size:,}")
        meter.resume(start)
    try:
        send_chunks(line, outgoing, start, meter.advance, functools.partial(_heed, line))
    except ConnectionError:
        _heed(line)  # a refusal says more than that the connection is gone
        raise
    line.settle(functools.partial(meter.advance, 0, 0))
    hear(line)


def _heed(line: Line) -> None:
    """See whether the other side has refused what is being sent."""
    if line.readable():
        with contextlib.suppress(ConnectionResetError):
            hear(line)


def pull(line: Line, incoming: Incoming, session: Session, meter: Meter) -> None:
    """Fetch what is missing of a transfer, from a worker thread; as `Lane.pull`."""
    line.send([Request(PULL, _PULL.pack(incoming.id, incoming.received)).to_bytes()])
    hear(line)
    receive_chunks(line, incoming, session, meter.advance)
    agree(line)


def operations(depot: Depot) -> Mapping[int, Operation]:
    """The answering side of both.

    Args:
        depot: Where the transfers are.
    """
    return {PUSH: functools.partial(_take_push, depot), PULL: functools.partial(_give_pull, depot)}


async def _take_push(depot: Depot, line: Line, body: bytes) -> None:
    if len(body) < _PUSH.size or (len(body) - _PUSH.size) % _SIZE:
        raise ValueError(f"a push in {len(body):,} bytes")
    transfer_id, resume = _PUSH.unpack_from(body)
    try:
        incoming = depot.arrive(
            transfer_id, struct.unpack_from(f"!{(len(body) - _PUSH.size) // _SIZE}Q", body, _PUSH.size)
        )
        session = incoming.begin(line.abort)
    except RpcError as error:
        await _refuse(line, error)
    await line.run(functools.partial(_receive_push, line, incoming, session, resume))


def _receive_push(line: Line, incoming: Incoming, session: Session, resume: bool) -> None:
    if resume:
        agree(line, _RECEIVED.pack(incoming.received))
    try:
        receive_chunks(line, incoming, session, _unseen)
    except TransferError as error:
        refuse(line, error)
        raise
    agree(line)


async def _give_pull(depot: Depot, line: Line, body: bytes) -> None:
    if len(body) != _PULL.size:
        raise ValueError(f"a pull in {len(body):,} bytes")
    transfer_id, offset = _PULL.unpack(body)
    try:
        outgoing = depot.departing(transfer_id, offset)
    except RpcError as error:
        await _refuse(line, error)
    await line.run(functools.partial(_send_pull, line, outgoing, offset))
    depot.delivered(transfer_id)


def _send_pull(line: Line, outgoing: Outgoing, offset: int) -> None:
    agree(line)
    send_chunks(line, outgoing, offset, _unseen, _unseen)
    line.settle(_unseen)
    hear(line)


async def _refuse(line: Line, error: RpcError) -> NoReturn:
    await line.run(functools.partial(refuse, line, error))
    raise ConnectionError(f"refused: {error.message}") from error


def _unseen(*_: object) -> None:
    """The depot sees for itself what moves."""

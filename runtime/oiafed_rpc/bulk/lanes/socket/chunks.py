"""The chunks of a transfer over a line: head and bytes, head and bytes. In worker threads."""

from __future__ import annotations

import time
from collections.abc import Callable

from oiafed_rpc.bulk.chunk import CHUNK, RAW, Head
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.incoming import Incoming, Session
from oiafed_rpc.bulk.lanes.socket.line import Line
from oiafed_rpc.bulk.outgoing import Outgoing

Moved = Callable[[int, int], object]
"""Called for each chunk with its raw bytes, and those that travelled for it."""


def send_chunks(line: Line, outgoing: Outgoing, start: int, moved: Moved, check: Callable[[], object]) -> None:
    """Send the chunks from a byte on.

    Args:
        line: Where to.
        outgoing: The transfer.
        start: The byte.
        moved: Is told of every chunk that the system has taken.
        check: Called before every chunk; raises where there is no point in going on.
    """
    while start < outgoing.size:
        check()
        head, views = outgoing.chunk(start)
        begun = time.perf_counter()
        line.send([head.to_bytes(), *views])
        outgoing.told(time.perf_counter() - begun, Head.SIZE + head.packed)
        start += head.size
        outgoing.sent(start)
        moved(head.size, head.packed)


def receive_chunks(line: Line, incoming: Incoming, session: Session, moved: Moved) -> None:
    """Receive what is missing of a transfer. A chunk's bytes and the next one's head come with one system call.

    Raises:
        TransferError: where a chunk is not what its head says, or another attempt has taken over.
    """
    if incoming.complete:
        return
    following = bytearray(Head.SIZE)
    packed: memoryview | None = None
    line.receive([following])
    while not incoming.complete:
        head = Head.from_bytes(following)
        if head.offset != incoming.received:  # told now, not when all of its bytes have come
            raise TransferError(f"a chunk at {head.offset:,} has come where {incoming.received:,} was next")
        into = session.room(head.size)
        if head.packing != RAW:
            packed = packed or memoryview(bytearray(CHUNK))
            into = [packed[: head.packed]]
        last = head.offset + head.size >= incoming.size
        line.receive(into if last else [*into, following])
        if head.packing == RAW:
            session.commit(head)
        else:
            session.accept(head, into[0])
        moved(head.size, head.packed)

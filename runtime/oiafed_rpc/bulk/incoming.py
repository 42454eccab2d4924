"""A transfer on its way in, received straight into the memory that it is to have."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import weakref
from collections.abc import Callable, Sequence

import numpy as np

from oiafed_rpc.bulk.chunk import ID_SIZE, RAW, Head, checksum
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.layout import Layout, scatter
from oiafed_rpc.bulk.packing import unpack
from oiafed_rpc.bulk.runs import Contiguous
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.serializer.base import Buffer
from oiafed_rpc.workers import WORKERS

_MOST_BUFFERS = 1 << 20  # each costs some 200 bytes of its own; arrays below 4 KiB stay in their message
_ALIGNMENT = 64  # bytes: what the widest instructions of processors like
_SMALL = 1 << 16
_BLOCK = 1 << 20


class Incoming:
    """What has arrived of a transfer. Its memory is taken when the first attempt to fill it begins.

    Args:
        id: Sixteen bytes that name it.
        sizes: The bytes of each of its buffers.
        limit: The most bytes that it may have.

    Raises:
        RpcError: RESOURCE_EXHAUSTED where it is larger; INVALID_ARGUMENT for what is no id or no sizes.
    """

    def __init__(self, id: bytes, sizes: Sequence[int], limit: int) -> None:  # noqa: A002 - what it is called everywhere
        _check(id, sizes, limit)
        self.id = id
        self.sizes = tuple(sizes)
        self.size = sum(sizes)
        self._received = 0
        self._buffers: list[memoryview] | None = None
        self._layout = Layout(())
        self._session: Callable[[], Session | None] = _no_session  # which has this, too: no circle keeps the memory
        self._lock = threading.Lock()

    @property
    def received(self) -> int:
        """The bytes from the beginning that have arrived, and were verified."""
        return self._received

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self._received == self.size

    @property
    def buffers(self) -> list[memoryview]:
        """The buffers: writable bytes, aligned for any element. Those of 64 KiB and more have memory of their own.

        Raises:
            RpcError: RESOURCE_EXHAUSTED where there is no memory for them.
        """
        with self._lock:
            if self._buffers is None:
                self._buffers = _allocated(self.sizes)
                self._layout = Layout([Contiguous(each) for each in self._buffers])
            return self._buffers

    def begin(self, superseded: Callable[[], object] | None = None) -> Session:
        """Begin an attempt to fill it, which goes on from `received` and takes over from a former one.

        Args:
            superseded: Called, from any thread, when another attempt takes over or the transfer is given up before all
                of it is there: a connection is closed by it, so that nothing more is received into the same memory.

        Raises:
            RpcError: RESOURCE_EXHAUSTED where there is no memory for it.
        """
        _ = self.buffers
        session = Session(self, superseded)
        self._replace(session)
        return session

    def adopt(self, buffers: list[memoryview]) -> None:
        """Take buffers that have all of it already, in memory shared with the sender.

        Raises:
            TransferError: where their sizes are not those of the transfer.
        """
        sizes = tuple(len(each) for each in buffers)
        if sizes != self.sizes:
            raise TransferError(f"{sum(sizes):,} bytes in {len(sizes)} buffers have come, not {self._told()}")
        with self._lock:
            self._buffers = buffers
            self._received = self.size
        self._replace(None)

    def close(self) -> None:
        """End the attempt that is under way, if there is one."""
        self._replace(None)

    def room_of(self, session: Session, start: int, size: int) -> list[memoryview]:
        """The memory of some of its bytes, for the attempt that is under way; see `Session.room`."""
        self._check_session(session)
        if not 0 < size <= self.size - start:
            raise TransferError(f"a chunk of {size:,} bytes at {start:,} is not within a transfer of {self.size:,}")
        return self._layout.views(start, start + size)

    def advance(self, session: Session, received: int) -> None:
        """Count what the attempt that is under way has brought; see `Session.commit`."""
        with self._lock:
            self._check_session(session)
            self._received = received

    def _told(self) -> str:
        return f"{self.size:,} in {len(self.sizes)}"

    def _replace(self, session: Session | None) -> None:
        with self._lock:
            former = self._session()
            self._session = _no_session if session is None else weakref.ref(session)
        if former is not None and former.superseded is not None and not self.complete:  # else it is over, and well
            former.superseded()

    def _check_session(self, session: Session) -> None:
        if self._session() is not session:
            raise TransferError("another attempt has taken over, or the transfer was given up")


class Session:
    """An attempt to fill an incoming transfer. One thread at a time uses it.

    Attributes:
        superseded: As given to `Incoming.begin`.
    """

    def __init__(self, incoming: Incoming, superseded: Callable[[], object] | None) -> None:
        self._incoming = incoming
        self.superseded = superseded

    def room(self, size: int) -> list[memoryview]:
        """Where the next bytes go.

        Raises:
            TransferError: where there is no room for so many, or another attempt has taken over.
        """
        return self._incoming.room_of(self, self._incoming.received, size)

    def commit(self, head: Head) -> None:
        """See whether the bytes of a chunk that are in their place now are right; they count from here on.

        Raises:
            TransferError: where they are not, or another attempt has taken over.
        """
        views = self._room_of(head)
        if checksum(views, head.offset) != head.checksum:
            raise TransferError(f"the chunk of {head.size:,} bytes at {head.offset:,} has arrived changed")
        self._incoming.advance(self, head.offset + head.size)

    def accept(self, head: Head, data: Buffer) -> None:
        """Put the bytes of a chunk in their place, unpacked, and `commit` it; errors as there."""
        views = self._room_of(head)
        if len(data) != head.packed:
            raise TransferError(f"a chunk at {head.offset:,} is to have {head.packed:,} bytes, and has {len(data):,}")
        if head.packing == RAW:
            scatter(data, views)
        else:
            unpack(head, data, views)
        self.commit(head)

    async def take(self, head: Head, data: Buffer) -> None:
        """As `accept`, on the event loop: a packed chunk is unpacked in a thread, which has ended when this has."""
        if head.packing == RAW:
            self.accept(head, data)
            return
        unpacked = asyncio.ensure_future(WORKERS.run(functools.partial(self.accept, head, data)))
        try:
            await asyncio.shield(unpacked)
        except asyncio.CancelledError:
            while not unpacked.done():
                with contextlib.suppress(asyncio.CancelledError):  # again
                    await asyncio.wait([unpacked])
            unpacked.exception()  # which nobody wants to hear of any more
            raise

    def _room_of(self, head: Head) -> list[memoryview]:
        received = self._incoming.received
        if head.offset != received:
            raise TransferError(f"a chunk at {head.offset:,} has come where the one at {received:,} was to")
        return self.room(head.size)


def _no_session() -> None:
    """No attempt is under way."""


def _check(name: bytes, sizes: Sequence[int], limit: int) -> None:
    if len(name) != ID_SIZE:
        raise RpcError(Code.INVALID_ARGUMENT, f"the id of a transfer has {ID_SIZE} bytes, not {len(name)}")
    if len(sizes) > _MOST_BUFFERS:
        raise RpcError(Code.RESOURCE_EXHAUSTED, f"a transfer has at most {_MOST_BUFFERS:,} buffers, not {len(sizes):,}")
    if sizes and min(sizes) < 0:
        raise RpcError(Code.INVALID_ARGUMENT, f"a buffer of a transfer can't have {min(sizes)} bytes")
    if sum(sizes) > limit:
        raise RpcError(
            Code.RESOURCE_EXHAUSTED,
            f"the transfer has {sum(sizes):,} bytes, more than {limit:,}, the receiver's transport.max_message_size",
        )


def _allocated(sizes: Sequence[int]) -> list[memoryview]:
    """Memory for buffers, which nobody has written to yet. Small ones share blocks: thousands are as quick as one."""
    try:
        rest = sum(_rounded(size) for size in sizes if size < _SMALL)
        block, used = memoryview(b""), 0
        buffers: list[memoryview] = []
        for size in sizes:
            if size >= _SMALL:
                buffers.append(_aligned(size))
                continue
            if used + size > len(block):
                block, used = _aligned(min(rest, _BLOCK)), 0
            buffers.append(block[used : used + size])
            used += _rounded(size)
            rest -= _rounded(size)
    except MemoryError:
        raise RpcError(Code.RESOURCE_EXHAUSTED, f"there is no memory for {sum(sizes):,} bytes") from None
    return buffers


def _rounded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _aligned(size: int) -> memoryview:
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    skipped = -memory.ctypes.data % _ALIGNMENT
    return memory[skipped : skipped + size].data

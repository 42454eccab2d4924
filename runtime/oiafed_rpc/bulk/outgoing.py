"""A transfer on its way out."""

from __future__ import annotations

import copy
import functools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from oiafed_rpc.bulk.chunk import CHUNK, ID_SIZE, RAW, Chunk, Head, checksum
from oiafed_rpc.bulk.layout import Layout
from oiafed_rpc.bulk.packing import PackedChunk, Packing
from oiafed_rpc.bulk.runs import Run
from oiafed_rpc.workers import WORKERS


class Placement(Protocol):
    """Where a lane has put a copy of the transfer."""

    def close(self) -> None:
        """Give it up."""
        ...


class _Known:
    """What has been found out of a chunk."""

    __slots__ = ("digest", "lock", "packed", "tried")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.digest: int | None = None
        self.packed: PackedChunk | None = None
        self.tried = False


class Outgoing:
    """Memory that is sent, in chunks that are made when they are asked for; from any thread.

    Args:
        runs: The memory of each buffer.
        packing: What makes the chunks smaller, if anything.
        shared: Whether it goes to several receivers: what is found out of a chunk is then kept for all of them.
        id: Sixteen bytes that name it; by default random ones.

    Attributes:
        delivered: Is told when its receiver has it all.
        holders: What is told when nobody wants it any more, under whatever id it is held.
    """

    def __init__(
        self,
        runs: Sequence[Run],
        *,
        packing: Packing | None = None,
        shared: bool = False,
        id: bytes | None = None,  # noqa: A002 - what it is called everywhere
    ) -> None:
        self.id = id or os.urandom(ID_SIZE)
        self.layout = Layout(runs)
        self.shared = shared
        self._placed: list[Placement] = []
        self._moved = [0]
        self.delivered: Callable[[], None] | None = None
        self.holders: list[Callable[[], None]] = []
        self._packing = packing
        self._known: dict[int, _Known] = {}

    def addressed(self) -> Outgoing:
        """The same for one receiver, under an id that no other receiver can know; what is found out is shared."""
        one = copy.copy(self)
        one.id = os.urandom(ID_SIZE)
        return one

    @property
    def segment(self) -> Placement | None:
        """Where a lane keeps its copy of all of it."""
        return self._placed[0] if self._placed else None

    @segment.setter
    def segment(self, placement: Placement) -> None:
        self._placed[:] = [placement]

    @property
    def moved(self) -> int:
        """How far it was sent by whoever sent a chunk last, under any id: it moves while somebody receives it."""
        return self._moved[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The bytes of each buffer."""
        return self.layout.sizes

    @property
    def size(self) -> int:
        """The bytes of all of them."""
        return self.layout.size

    def chunk(self, offset: int, *, packed: bool = True) -> Chunk:
        """The chunk that begins at a byte; it ends where the transfer does, or at the next multiple of `CHUNK`.

        Blocks for as long as it takes to read, to pack (where `packed` is true and it pays), and to sum up 1 MiB.

        Raises:
            ValueError: for an offset that is not within the transfer.
        """
        return self._made(offset, packed and self._to_pack(offset))

    async def next_chunk(self, offset: int) -> Chunk:
        """As `chunk`, on the event loop: one that is packed is made in a thread."""
        if self._to_pack(offset):
            return cast("Chunk", await WORKERS.run(functools.partial(self._made, offset, True)))
        return self._made(offset, False)

    def sent(self, offset: int) -> None:
        """Learn that the chunk before a byte is on its way: the pages of a mapped file below it are given back."""
        self.layout.done((offset - 1) // CHUNK * CHUNK, offset)
        self._moved[0] = offset

    def let_go(self) -> None:
        """Learn that nobody wants it any more, or that its receiver has it."""
        self.delivered = None
        while self.holders:
            self.holders.pop()()

    def told(self, seconds: float, wire_bytes: int) -> None:
        """Learn of the link: how long it took for so many bytes. What is packed depends on it."""
        if self._packing is not None:
            self._packing.told(seconds, wire_bytes)

    def close(self) -> None:
        """Give up what is kept for those who receive it. The chunks can still be had."""
        while self._placed:
            self._placed.pop().close()
        self._known.clear()

    def _to_pack(self, offset: int) -> bool:
        if self._packing is None:
            return False
        known = self._known.get(offset)
        return self._packing.due() if known is None or not known.tried else known.packed is not None

    def _made(self, offset: int, packed: bool) -> Chunk:
        if not 0 <= offset < self.size:
            raise ValueError(f"there is no byte {offset:,} in a transfer of {self.size:,}")
        stop = min((offset // CHUNK + 1) * CHUNK, self.size)
        views = self.layout.views(offset, stop)
        known = self._known.setdefault(offset, _Known()) if self.shared and offset % CHUNK == 0 else _Known()
        with known.lock:
            digest = known.digest = checksum(views, offset) if known.digest is None else known.digest
            smaller = self._packed(known, views, offset) if packed else None
        size = stop - offset
        if smaller is None:
            return Chunk(Head(offset, size, digest, size, RAW), views)
        head = Head(offset, size, digest, len(smaller.data), smaller.packing, smaller.shuffle)
        return Chunk(head, [memoryview(smaller.data)])

    def _packed(self, known: _Known, views: list[memoryview], offset: int) -> PackedChunk | None:
        if self._packing is not None and not known.tried:
            known.packed, known.tried = self._packing.pack(views, self.layout.itemsize(offset)), True
        return known.packed

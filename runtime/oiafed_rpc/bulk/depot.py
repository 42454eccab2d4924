"""The transfers that a node holds: requests that have come before their call, and replies that were not yet fetched."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from functools import partial

from oiafed_rpc.bulk.incoming import Incoming
from oiafed_rpc.bulk.meter import LOGGED, in_words
from oiafed_rpc.bulk.outgoing import Outgoing
from oiafed_rpc.clock import SYSTEM_CLOCK, Clock
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.lasting import apart_from_calls
from oiafed_rpc.log import logger

_PAUSE = 1.0  # seconds after which a transfer may be tried again for which there was no room


class _Held:
    """A transfer in the depot."""

    __slots__ = ("begun", "gone", "moved", "seen", "title", "transfer")

    def __init__(self, transfer: Incoming | Outgoing, now: float, title: str) -> None:
        self.transfer = transfer
        self.title = title
        self.begun: float | None = None if isinstance(transfer, Outgoing) else now
        self.moved = _moved(transfer)
        self.seen = now
        self.gone = asyncio.Event()

    def looked_at(self, now: float) -> float:
        """When it was last touched, or seen to have moved."""
        moved = _moved(self.transfer)
        if moved != self.moved:
            self.moved, self.seen = moved, now
        return self.seen


def _moved(transfer: Incoming | Outgoing) -> int:
    return transfer.received if isinstance(transfer, Incoming) else transfer.moved


class Depot:
    """Holds transfers until they are taken. Those that nobody touches for a while are dropped. On the event loop only.

    Args:
        limit: The most bytes that one which arrives may have.
        idle: Seconds that one may lie here untouched, and without a byte of it moving.
        clock: Tells when that is.
        most: How many may arrive, or have arrived, at a time.
        memory: The most bytes that those may have together.
    """

    def __init__(
        self,
        limit: int,
        idle: float,
        clock: Clock = SYSTEM_CLOCK,
        *,
        most: float = math.inf,
        memory: float = math.inf,
    ) -> None:
        self._limit = limit
        self._idle = idle
        self._clock = clock
        self._most = most
        self._memory = memory
        self._arriving = 0
        self._bytes = 0
        self._held: dict[bytes, _Held] = {}
        self._watch: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many transfers are here."""
        return len(self._held)

    def arrive(self, transfer_id: bytes, sizes: Sequence[int]) -> Incoming:
        """The transfer of an id that comes in: a new one, or what there is of it.

        Raises:
            RetriableError: RESOURCE_EXHAUSTED where there is no room for it beside the others.
            RpcError: RESOURCE_EXHAUSTED where it is too large; INVALID_ARGUMENT for what is no id or no sizes, or where
                there is another transfer of that id.
        """
        held = self._held.get(transfer_id)
        if held is None:
            incoming = Incoming(transfer_id, sizes, self._limit)
            self._check_room(incoming.size)
            self._arriving += 1
            self._bytes += incoming.size
            self._hold(incoming)
            return incoming
        transfer = held.transfer
        if not isinstance(transfer, Incoming) or transfer.sizes != tuple(sizes):
            raise RpcError(Code.INVALID_ARGUMENT, f"there is another transfer with the id {transfer_id.hex()}")
        self.touch(transfer_id)
        return transfer

    def received(self, transfer_id: bytes) -> int:
        """How many bytes have come of a transfer; 0 where there is none. Whoever asks touches it, departing or not."""
        self.touch(transfer_id)
        held = self._held.get(transfer_id)
        return held.transfer.received if held is not None and isinstance(held.transfer, Incoming) else 0

    def take(self, transfer_id: bytes, title: str = "a transfer") -> list[memoryview]:
        """The buffers of a transfer that has come; it is forgotten here.

        Args:
            transfer_id: Which.
            title: What it is, for the log.

        Raises:
            RpcError: FAILED_PRECONDITION where it has not come, or not all of it.
        """
        held = self._held.get(transfer_id)
        if held is None or not isinstance(held.transfer, Incoming) or not held.transfer.complete:
            came = f"{self.received(transfer_id):,} bytes of it have"
            raise RpcError(Code.FAILED_PRECONDITION, f"the call's transfer {transfer_id.hex()} has not arrived: {came}")
        buffers = held.transfer.buffers
        held.title = title
        self._log(held, "received")
        self.drop(transfer_id)
        return buffers

    def depart(self, outgoing: Outgoing, title: str = "a transfer") -> None:
        """Hold a transfer until its receiver has it; the title tells in the log what it is."""
        outgoing.holders.append(partial(self.drop, outgoing.id))
        self._hold(outgoing, title)

    def departing(self, transfer_id: bytes, offset: int = 0) -> Outgoing:
        """The transfer of an id that is held for its receiver, who wants it from a byte on.

        Raises:
            RpcError: NOT_FOUND where there is none: it was delivered, or nobody fetched it for too long;
                INVALID_ARGUMENT where it has no such byte.
        """
        held = self._held.get(transfer_id)
        if held is None or not isinstance(held.transfer, Outgoing):
            why = f"it was fetched already, or nobody came for {self._idle:g} s"
            raise RpcError(Code.NOT_FOUND, f"there is no transfer {transfer_id.hex()} to be fetched: {why}")
        size = held.transfer.size
        if offset > size:
            raise RpcError(Code.INVALID_ARGUMENT, f"there is no byte {offset:,} in a transfer of {size:,}")
        self.touch(transfer_id)
        held.begun = held.seen if held.begun is None else held.begun
        return held.transfer

    def delivered(self, transfer_id: bytes) -> None:
        """Let go of a transfer that its receiver has; harmless where there is none."""
        held = self._held.get(transfer_id)
        if held is not None:
            self._log(held, "sent")
            if isinstance(held.transfer, Outgoing) and held.transfer.delivered is not None:
                held.transfer.delivered()
        self.drop(transfer_id)

    def drop(self, transfer_id: bytes) -> None:
        """Let go of a transfer, whoever waits for it; harmless where there is none."""
        held = self._held.pop(transfer_id, None)
        if held is None:
            return
        held.transfer.close()
        held.gone.set()
        if isinstance(held.transfer, Incoming):
            self._arriving -= 1
            self._bytes -= held.transfer.size
        if not self._held and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def touch(self, transfer_id: bytes) -> None:
        """Keep a transfer for longer: somebody cares for it. Harmless where there is none."""
        held = self._held.get(transfer_id)
        if held is not None:
            held.seen = self._clock.time()

    async def gone(self, transfer_id: bytes) -> None:
        """Wait until a transfer is no longer here: taken, delivered or dropped."""
        held = self._held.get(transfer_id)
        if held is not None:
            await held.gone.wait()

    async def held(self, transfer_id: bytes) -> None:
        """Wait until a transfer is no longer held; as long as this waits, it is not dropped."""
        while True:
            try:
                async with asyncio.timeout(self._idle / 3):
                    return await self.gone(transfer_id)
            except TimeoutError:
                self.touch(transfer_id)

    async def until_fetched(self) -> None:
        """Wait until no transfer is left that its receiver has yet to fetch."""
        while waiting := [each for each, held in self._held.items() if isinstance(held.transfer, Outgoing)]:
            await self.gone(waiting[0])

    def clear(self) -> None:
        """Let go of all."""
        for transfer_id in tuple(self._held):
            self.drop(transfer_id)

    def _check_room(self, size: int) -> None:
        if size > self._memory:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED,
                f"the transfer has {size:,} bytes, more than {self._memory:,}, the receiver's limits.transfer_memory",
            )
        if self._arriving >= self._most or self._bytes + size > self._memory:
            raise RetriableError(
                f"the receiver has no room for a transfer of {size:,} bytes now: {self._arriving} of {self._bytes:,} "
                "bytes are on their way or wait for their call (limits.transfers, limits.transfer_memory)",
                code=Code.RESOURCE_EXHAUSTED,
                retry_after=_PAUSE,
                ran=False,
            )

    def _log(self, held: _Held, done: str) -> None:
        size = held.transfer.size
        if size >= LOGGED and held.begun is not None:
            seconds = self._clock.time() - held.begun
            rate = in_words(size / max(seconds, 1e-9))
            logger.info("%s was %s: %s in %.3g s, %s/s", held.title, done, in_words(size), seconds, rate)

    def _hold(self, transfer: Incoming | Outgoing, title: str = "") -> None:
        self._held[transfer.id] = _Held(transfer, self._clock.time(), title)
        if self._watch is None:
            self._watch = apart_from_calls(asyncio.create_task, self._drop_idle())

    async def _drop_idle(self) -> None:
        while True:
            now = self._clock.time()
            for transfer_id, held in tuple(self._held.items()):
                if held.looked_at(now) + self._idle <= now:
                    logger.info("a transfer of %d bytes was dropped: nobody asked for it", held.transfer.size)
                    self.drop(transfer_id)
            if not self._held:
                return
            oldest = min(held.seen for held in self._held.values())
            await self._clock.sleep(oldest + self._idle - now)

"""The answering side of transfers through gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol, TypeVar

from typing_extensions import override

from oiafed_rpc.bulk.chunk import Chunk
from oiafed_rpc.bulk.depot import Depot
from oiafed_rpc.bulk.errors import TransferError
from oiafed_rpc.bulk.lanes.stream import chunks_of
from oiafed_rpc.bulk.messages import Arrived
from oiafed_rpc.bulk.methods import METHODS
from oiafed_rpc.errors import Code, RetriableError, RpcError
from oiafed_rpc.requests import RequestStream
from oiafed_rpc.system import types
from oiafed_rpc.system.bulk import BulkHandler
from oiafed_rpc.system.types import (
    DroppedReply,
    OpenReply,
    OpenRequest,
    PullRequest,
    ReceivedReply,
    TakenReply,
    Transfer,
    TransferRequest,
)

T = TypeVar("T")


class Offered(Protocol):
    """A lane that a node offers beside gRPC."""

    async def offer(self) -> types.Lane | None:
        """Where to connect to, with a ticket; None where it can't be had."""
        ...


class BulkService(BulkHandler):
    """Takes and gives the transfers of a node's calls.

    Args:
        depot: Where they are.
        lanes: The lanes beside this one, by name.
        idle: Seconds that a transfer may stand still.
    """

    __methods__ = METHODS

    def __init__(self, depot: Depot, lanes: Mapping[str, Offered], idle: float) -> None:
        self._depot = depot
        self._lanes = lanes
        self._idle = idle

    @override
    async def open(self, request: OpenRequest) -> OpenReply:
        offers = [await self._lanes[name].offer() for name in request.lanes if name in self._lanes]
        return OpenReply(lanes=[lane for lane in offers if lane is not None])

    @override
    async def push(self, requests: RequestStream[object]) -> ReceivedReply:  # type: ignore[override]  # CHUNKS has them
        first = await self._next(requests, "push")
        if not isinstance(first, Transfer):
            raise RpcError(Code.INVALID_ARGUMENT, "a push begins with its transfer")
        incoming = self._depot.arrive(first.id, tuple(first.sizes))
        session = incoming.begin()
        while not incoming.complete:
            arrived = await self._next(requests, "push")
            if not isinstance(arrived, Arrived):
                raise RpcError(Code.INVALID_ARGUMENT, "a push has one transfer, and its chunks follow")
            try:
                await session.take(arrived.head, arrived.data)
            except TransferError as error:
                raise RpcError(Code.DATA_LOSS, str(error)) from error
        return ReceivedReply(received=incoming.received)

    async def _next(self, requests: RequestStream[T], what: str) -> T:
        try:
            async with asyncio.timeout(self._idle):
                return await anext(requests)
        except StopAsyncIteration:
            raise RpcError(Code.INVALID_ARGUMENT, f"the {what} ended before its transfer was whole") from None
        except TimeoutError:
            raise RetriableError(f"the {what} stood still for {self._idle:g} s") from None

    @override
    async def pull(self, requests: RequestStream[PullRequest]) -> AsyncIterator[Chunk]:  # type: ignore[override]
        request = await self._next(requests, "pull")
        outgoing = self._depot.departing(request.id, request.offset)
        async for chunk in chunks_of(outgoing, request.offset):
            yield chunk
        await self._next(requests, "pull")  # which tells that all has come
        self._depot.delivered(request.id)

    @override
    async def received(self, request: TransferRequest) -> ReceivedReply:
        return ReceivedReply(received=self._depot.received(request.id))

    @override
    async def taken(self, request: TransferRequest) -> TakenReply:
        await self._depot.held(request.id)
        return TakenReply()

    @override
    async def drop(self, request: TransferRequest) -> DroppedReply:
        self._depot.drop(request.id)
        return DroppedReply()

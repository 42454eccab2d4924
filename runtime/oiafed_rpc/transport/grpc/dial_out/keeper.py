"""Keeps streams open to a node, so that it can call this one."""

from __future__ import annotations

import asyncio
import itertools
import random
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from grpc import aio

from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.system.wire import node_pb2
from oiafed_rpc.system.wire.dial_out_pb2 import CallPart, ReplyPart
from oiafed_rpc.transport.grpc.client import GrpcChannel
from oiafed_rpc.transport.grpc.dial_out.answering import Answering, Service
from oiafed_rpc.transport.grpc.dial_out.parts import read_part

MOST = 96
"""Streams to one node: ordinary proxies allow 128 on a connection, and this node's own calls take some."""

TICK = 20.0  # seconds between two signs of life, and looks at what is not needed any more
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.5
_SETTLED = 5.0  # seconds after which a stream that ends is no failure to open one


class Keeper:
    """Keeps as many streams idle as there are calls under way, and one at least: the next call never waits for one.

    Args:
        node_id: The node that was dialed.
        channel: What leads to it.
        offer: Opens a stream, by a call that comes to `open` here.
        service: Finds what answers the calls that come.
        proven: What is known of who calls.
    """

    def __init__(
        self,
        node_id: str,
        channel: GrpcChannel,
        offer: Callable[[str], Awaitable[None]],
        service: Service,
        proven: dict[str, list[bytes]],
    ) -> None:
        self._node_id = node_id
        self.channel = channel
        self._offer = offer
        self._service = service
        self._proven = proven
        self._streams: dict[Answering, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._by_number: weakref.WeakValueDictionary[int, Answering] = weakref.WeakValueDictionary()
        self._opening: set[asyncio.Task[None]] = set()
        self._most_busy = 0
        self._pause = _FIRST_PAUSE
        self._resting: asyncio.TimerHandle | None = None
        self._trouble = ""
        self._closed = False
        self._tick = asyncio.create_task(self._live(), name=f"oiafed-dial-out {node_id}")
        self._fill()

    # Opening

    def _fill(self) -> None:
        """Open what is missing, unless that has just failed."""
        busy = sum(stream.busy for stream in self._streams)
        self._most_busy = max(self._most_busy, busy)
        if self._resting is not None or self._closed:
            return
        for _ in range(_wanted(busy) - len(self._streams) - len(self._opening)):
            task = asyncio.create_task(self._open_one(), name=f"oiafed-dial-out-open {self._node_id}")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open_one(self) -> None:
        try:
            await self._offer(self._node_id)
        except RpcError as error:
            self._rest(error)

    def _rest(self, error: RpcError) -> None:
        """Wait before the next attempt; what is in the way is told once."""
        if self._closed or self._resting is not None:
            return
        if error.code is Code.UNIMPLEMENTED:
            logger.debug("node %r calls no nodes that dial out", self._node_id)
            self._closed = True
            return
        if error.code is not Code.UNAVAILABLE and error.message != self._trouble:
            logger.warning("node %r can't call this one: %s", self._node_id, error.message)
            self._trouble = error.message
        delay = self._pause * random.uniform(0.5, 1)  # noqa: S311 - no secret
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._resting = asyncio.get_running_loop().call_later(delay, self._go_on)

    def _go_on(self) -> None:
        self._resting = None
        self._fill()

    async def open(self, message: Message) -> Message:
        """Open a stream.

        Args:
            message: The request of `SERVE`, as the interceptors have left it.

        Raises:
            RpcError: where the node refuses it, or is not there.
        """
        message.compressor = None
        call, hello = await self.channel.open(message)
        number = next(self._numbers)
        try:
            request = ReplyPart(hello=node_pb2.HelloRequest.FromString(hello), number=number)
            await call.write(request.SerializeToString())
            data = await call.read()
            if data is aio.EOF:
                raise RpcError(Code.UNAVAILABLE, f"node {self._node_id!r} has ended the stream at once")
            part, _ = read_part(CallPart, data)
            reply = await self.channel.answer(message, part.hello.SerializeToString())
        except BaseException as error:
            call.cancel()
            if isinstance(error, aio.AioRpcError):
                raise self.channel.error(error, message) from None
            raise
        self._keep(call, number)
        return reply

    def _keep(self, call: Any, number: int) -> None:
        stream = Answering(call, self._service, self._proven, self._fill, self._cancelled)
        self._by_number[number] = stream
        task = asyncio.create_task(self._last(stream), name=f"oiafed-dial-out-stream {self._node_id}")
        self._streams[stream] = task
        self._trouble = ""

    def _cancelled(self, number: int) -> None:
        stream = self._by_number.get(number)
        if stream is not None:
            stream.abandon()

    async def _last(self, stream: Answering) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            given_up = await stream.last()
        finally:
            del self._streams[stream]
        if loop.time() - began > _SETTLED:
            self._pause = _FIRST_PAUSE
        if given_up:
            self._fill()
        else:
            self._rest(RpcError(Code.UNAVAILABLE, "the stream has ended"))

    # Lasting

    async def _live(self) -> None:
        """Let something move on each stream now and then, and give back those that nothing needs any more."""
        while True:
            await asyncio.sleep(TICK)
            spare = len(self._streams) - _wanted(self._most_busy)
            self._most_busy = 0
            for stream in tuple(self._streams):
                if spare > 0 and not stream.busy:
                    spare -= 1
                    await stream.leave()
                else:
                    await stream.keep_alive()

    async def retire(self) -> None:
        """Open no more, and end all streams when the calls under way have ended."""
        self._closed = True
        try:
            await asyncio.gather(*(stream.leave() for stream in tuple(self._streams)))
            while self._streams:
                await asyncio.wait(self._streams.values())
        finally:
            await self.close()

    async def close(self) -> None:
        """End all streams; calls under way are cancelled."""
        self._closed = True
        if self._resting is not None:
            self._resting.cancel()
        tasks = [self._tick, *self._opening, *self._streams.values()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _wanted(busy: int) -> int:
    """How many streams there are to be."""
    return min(MOST, busy + max(1, busy))

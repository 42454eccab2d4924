"""Calls to many nodes at once, and their replies: as they come, or all together."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias

from oiafed_rpc.errors import PartialFailure, as_rpc_error
from oiafed_rpc.method import R
from oiafed_rpc.replies import Replies, Reply
from oiafed_rpc.turns import Room, Turn

Start: TypeAlias = Callable[[str, Turn], AsyncGenerator[R, None]]
"""Makes the call to one node: the items that it answers with, a single one where the method is unary."""

Arrived: TypeAlias = asyncio.Queue[tuple[Reply[R], Turn] | None]
"""Replies that wait for who iterates over them; None for each node that has no more."""


class BroadcastStream(Generic[R]):
    """Calls to many nodes, made when it is iterated over, once: each item of each node, as they come.

    A node that fails gives one `Reply` with an `error`, and the others go on.

    Attributes:
        LARGE_REPLIES: How many large replies (those whose arrays and bytes travel as a transfer) are on their way in,
            or wait for the loop or are in it, at one time; the others stay where they are until the loop asks for its
            next reply. Small ones do not count.
    """

    LARGE_REPLIES: ClassVar[int] = 4

    def __init__(self, name: str, targets: Sequence[str], start: Start[R]) -> None:
        self._name = name
        self._targets = targets
        self._start = start
        self._sent = False

    def __del__(self) -> None:
        if not self.__dict__.get("_sent", True):
            message = f"{self._name} was called without 'await' or 'async for', so nothing was sent"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)

    def __aiter__(self) -> AsyncGenerator[Reply[R], None]:
        return self._replies(Room(self.LARGE_REPLIES))

    async def _replies(self, room: Room) -> AsyncGenerator[Reply[R], None]:
        if self._sent:
            raise RuntimeError("these calls have been made already: call the method again")
        self._sent = True
        arrived: Arrived[R] = asyncio.Queue()
        space = asyncio.Semaphore(len(self._targets))
        tasks = [asyncio.create_task(self._collect(target, room.turn(), arrived, space)) for target in self._targets]
        for task in tasks:
            task.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            busy = len(tasks)
            while busy:
                came = await arrived.get()
                if came is None:
                    busy -= 1
                    continue
                space.release()
                reply, turn = came
                yield reply
                del came, reply  # before another has its turn
                turn.leave()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _collect(self, target: str, turn: Turn, arrived: Arrived[R], space: asyncio.Semaphore) -> None:
        try:
            async with contextlib.aclosing(self._start(target, turn)) as items:
                async for item in items:
                    await space.acquire()
                    arrived.put_nowait((Reply(target, item), turn))
                    del item
                    await turn.left()
        except Exception as error:  # whatever it is, the other nodes' replies go on
            arrived.put_nowait((Reply(target, error=as_rpc_error(error, target, "the call")), turn))
        finally:
            turn.leave()


class Broadcast(BroadcastStream[R]):
    """One call to many nodes, made once: awaited, for all replies, or iterated over, for each as it comes."""

    def __init__(self, name: str, targets: Sequence[str], start: Start[R], min_replies: int | None) -> None:
        super().__init__(name, targets, start)
        self._min_replies = len(targets) if min_replies is None else min_replies

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            forgotten = "; its replies have: await it first" if name == "errors" or hasattr(Replies, name) else ""
            raise AttributeError(f"a broadcast has no attribute {name!r}{forgotten}", name=name, obj=self)

    def __await__(self) -> Generator[Any, None, Replies[R]]:
        """All replies, when every node has answered or failed.

        Raises:
            PartialFailure: where fewer than `min_replies` nodes answered.
        """
        return self._gather().__await__()

    async def _gather(self) -> Replies[R]:
        room = Room(len(self._targets))  # for all: they are kept anyway, and none waits for a slow one
        came = {reply.node_id: reply async for reply in self._replies(room)}
        ordered = [came[target] for target in self._targets]
        replies = {reply.node_id: reply.value for reply in ordered if reply.error is None}
        errors = {reply.node_id: reply.error for reply in ordered if reply.error is not None}
        if len(replies) < self._min_replies:
            first = "; ".join(f"{node_id}: {error}" for node_id, error in list(errors.items())[:3])
            more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
            needed = f"{self._min_replies} of {len(self._targets)}"
            message = f"{len(replies)} nodes answered, {needed} were needed: {first}{more}"
            raise PartialFailure(message, replies, errors)
        return Replies(replies, errors)

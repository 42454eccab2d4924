"""What a node remembers of the calls that it answers: one that comes again joins the former, or gets its answer.

A connection that breaks ends no such call. Its handler runs on, as long as its caller may come back for the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from oiafed_rpc.alarms import alarms_of
from oiafed_rpc.body import Body
from oiafed_rpc.config import DeliveryConfig
from oiafed_rpc.delivery.answer import Answer, failed
from oiafed_rpc.delivery.journal import Journal
from oiafed_rpc.delivery.kept import Kept
from oiafed_rpc.delivery.marks import Marks, Number, number_of
from oiafed_rpc.delivery.tasks import begin
from oiafed_rpc.errors import Code, RetriableError, RpcError, as_rpc_error
from oiafed_rpc.log import logger
from oiafed_rpc.message import Message
from oiafed_rpc.serializer import Serializers

LEDGER = "ledger"
"""The detail of a refusal that tells which memory the node has instead."""

FORGOTTEN = "forgotten"
"""The detail of a refusal: the call may have been answered already, so long ago that nobody knows."""

_NO_NUMBER = Number("", -1)
_MOST_CALLERS = 10_000
_AGES = 10  # times the patience, for answers that are small


class Attempt:
    """One arrival of a call that is to be remembered. It does not hold the request, which holds it.

    Args:
        memory: Where.
        take: Gives the request's body, where what that has left out is only taken once the call is seen to be new.

    Attributes:
        kept: The call, once it was entered.
        joins: Whether it was there already.
    """

    __slots__ = ("_memory", "_number", "_take", "joins", "kept")

    def __init__(self, memory: Memory, take: Callable[[], Body] | None) -> None:
        self._memory = memory
        self._take = take
        self._number = _NO_NUMBER
        self.kept: Kept | None = None
        self.joins = False

    def check(self, message: Message) -> None:
        """See whether the caller and the memory know each other; raises RetriableError where they do not."""
        self._memory.check(message)

    def former(self, message: Message) -> Kept | None:
        """The same call where it has come before, and so has an answer or will have it; None for a new one.

        Raises:
            RetriableError: where it may be one that was forgotten.
            RpcError: INVALID_ARGUMENT for a call id without a number.
        """
        self._number = number_of(message.call_id)
        self.kept = self._memory.join(message, self._number)
        self.joins = self.kept is not None
        return self.kept

    def enter(self, message: Message) -> Coroutine[Any, Any, None] | None:
        """Enter a new call, and take its body; raises RpcError where that has not come.

        Returns:
            What is to be waited for until the call may run; None for nothing.
        """
        if self._take is not None:
            body, self._take = self._take(), None
            message.payload, message.buffers = body.data, body.buffers
        self.kept = self._memory.enter(message, self._number)
        return self._memory.noted(self.kept)

    def answer(self, message: Message) -> Answer:
        """The answer of the call that it has joined; raises RetriableError where that is there no more."""
        if self.kept is None or self.kept.answer is None:
            raise self._memory.forgotten(message)
        return self.kept.answer


class Memory:
    """The calls that a node answers, and its latest answers. On the event loop of the node only.

    Args:
        node_id: The node's id.
        config: How much is remembered.
        serializers: What errors are written with.

    Attributes:
        ledger: What names what is remembered; empty where nothing is.
    """

    def __init__(self, node_id: str, config: DeliveryConfig, serializers: Serializers) -> None:
        self.ledger = ""
        self._node_id = node_id
        self._config = config
        self._serializers = serializers
        self._calls: dict[tuple[str, str], Kept] = {}
        self._ended: dict[tuple[str, str], Kept] = {}  # those among them that have an answer, the oldest first
        self._large: dict[tuple[str, str], Kept] = {}  # those whose answer waits to be fetched
        self._size = 0
        self._marks = Marks()
        self._starts: dict[str, str] = {}
        self._journal = Journal(config.journal, node_id) if config.journal and config.calls else None

    def __len__(self) -> int:
        """How many calls are remembered."""
        return len(self._calls)

    @property
    def size(self) -> int:
        """Bytes of the answers, roughly; those that wait to be fetched are not among them."""
        return self._size

    async def begin(self, incarnation: str) -> None:
        """Remember the calls of a new start of the node, beside those that its journal has.

        Raises:
            ConfigError: where that can't be used.
        """
        self.ledger = incarnation if self._config.calls else ""
        if self._journal is None:
            return
        recalled = await self._journal.open()
        self.ledger = recalled.ledger
        for source, number in recalled.marks:
            self._marks.raise_to(source, number)
        for key, answer in recalled.calls:
            kept = self._calls[key] = Kept(key, number_of(key[1]), "", None)
            self._remember(kept, answer)

    def noted(self, kept: Kept) -> Coroutine[Any, Any, None] | None:
        """What notes in the journal that a call is to run; None where there is none."""
        return self._journal.start(kept.key) if self._journal is not None else None

    async def stop(self) -> None:
        """Cancel what still runs, and forget all."""
        tasks = [kept.task for kept in self._calls.values() if kept.task is not None]
        for kept in tuple(self._calls.values()):
            kept.cancel(f"node {self._node_id!r} has stopped")
        if tasks:
            await asyncio.wait(tasks)
        for kept in self._large.values():
            kept.let_go()
        for table in (self._calls, self._ended, self._large):
            table.clear()
        alarms_of(asyncio.get_running_loop()).drop(self)
        self._size, self._marks, self._starts = 0, Marks(), {}
        if self._journal is not None:
            await self._journal.close()

    # Calls that arrive

    async def attend(self, attempt: Attempt, answering: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer to a call; it is made to the end even where nobody waits for it any more.

        Args:
            attempt: An arrival of the call.
            answering: Runs it; on its way `attempt` is entered.
        """
        answer, task = begin(self._answered(attempt, answering), "oiafed-call")
        if task is None:
            assert answer is not None  # noqa: S101 - it has ended
            return answer
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self._leave(attempt, task)
            raise

    async def _answered(self, attempt: Attempt, answering: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            answer = await answering
        except BaseException as error:
            kept = attempt.kept
            if kept is None or attempt.joins:
                raise
            await self._end(kept, failed(self._failure(error, kept), self._serializers))
            if not isinstance(error, asyncio.CancelledError) or kept.answer is None:
                raise
            return kept.answer
        if attempt.kept is not None and not attempt.joins:
            await self._end(attempt.kept, answer)
        return answer

    def _failure(self, error: BaseException, kept: Kept) -> RpcError:
        if isinstance(error, asyncio.CancelledError):
            return RpcError(Code.CANCELLED, f"the call was cancelled on node {self._node_id!r}: {kept.why}")
        return as_rpc_error(error, self._node_id, "the call")

    def _leave(self, attempt: Attempt, task: asyncio.Task[Answer]) -> None:
        """Somebody waits no more for an answer, whether he wants it or his connection broke."""
        kept = attempt.kept
        if kept is None or attempt.joins:
            task.cancel()
        if kept is not None and kept.leave():
            alarms_of(task.get_loop()).set(kept, time.monotonic() + self._config.patience)

    def check(self, message: Message) -> None:
        """See whether a caller believes in this memory.

        Raises:
            RetriableError: where it believes in another one.
        """
        if message.ledger != self.ledger:
            raise RetriableError(
                f"node {self._node_id!r} was started anew, and does not know of the calls that were made before",
                {"node": self._node_id, LEDGER: self.ledger},
                code=Code.FAILED_PRECONDITION,
                ran=False,
            )

    def join(self, message: Message, number: Number) -> Kept | None:
        """The call of a request where it is remembered, with one more that waits for its answer.

        Raises:
            RetriableError: where it may have been forgotten.
        """
        kept = self._calls.get((message.source, message.call_id))
        if kept is None:
            if self._marks.cover(message.source, number):
                raise self.forgotten(message)
            return None
        if kept.ended:
            if kept.answer is None:
                raise self.forgotten(message)
            self._touch(kept)
        else:
            kept.waiting += 1
            alarms_of(asyncio.get_running_loop()).drop(kept)
        return kept

    def forgotten(self, message: Message) -> RetriableError:
        """The refusal of a call that may have been answered before."""
        return RetriableError(
            f"node {self._node_id!r} may have run the call {message.call_id} of {message.method} before, and no longer "
            "knows what came of it",
            {"node": self._node_id, FORGOTTEN: message.call_id},
            code=Code.FAILED_PRECONDITION,
            ran=False,
        )

    def enter(self, message: Message, number: Number) -> Kept:
        """Remember a new call, which runs in the current task."""
        key = message.source, message.call_id
        why = f"its caller did not come back for {self._config.patience:g} s"
        kept = self._calls[key] = Kept(key, number, why, asyncio.current_task())
        return kept

    # Answers

    async def _end(self, kept: Kept, answer: Answer) -> None:
        kept.task = None  # it can't be cancelled any more
        if self._journal is not None:
            await self._written(self._journal, kept, answer)
        if not kept.waiting:
            alarms_of(asyncio.get_running_loop()).drop(kept)
        if answer.ran:
            self._remember(kept, answer)
        else:
            kept.end(answer)
            del self._calls[kept.key]

    @staticmethod
    async def _written(journal: Journal, kept: Kept, answer: Answer) -> None:
        try:
            await journal.end(kept.key, answer)
        except Exception:
            logger.exception("the answer of the call %s could not be written to the journal", kept.key[1])

    def _remember(self, kept: Kept, answer: Answer | None) -> None:
        kept.end(answer)
        kept.since = time.monotonic()
        self._ended[kept.key] = kept
        large = answer is not None and answer.outgoing is not None
        if answer is not None and answer.outgoing is not None:
            self._large[kept.key] = kept
            answer.outgoing.delivered = partial(self._let_go, kept)
        self._size += kept.size
        while len(self._ended) > self._config.calls or (self._size > self._config.memory and len(self._ended) > 1):
            self._forget(next(iter(self._ended.values())))
        if len(self._ended) == 1 or large:
            self._wake_when_due()

    def _touch(self, kept: Kept) -> None:
        """An answer is asked for: it becomes the latest."""
        kept.since = time.monotonic()
        for table in (self._ended, self._large):
            if table.pop(kept.key, None) is not None:
                table[kept.key] = kept

    def _let_go(self, kept: Kept) -> None:
        """An answer was fetched, or nobody wants it: what is large of it is given back."""
        if self._large.pop(kept.key, None) is not None:
            kept.let_go()
            if self._journal is not None:
                self._journal.let_go(kept.key)

    def _forget(self, kept: Kept) -> None:
        self._let_go(kept)
        del self._ended[kept.key], self._calls[kept.key]
        self._size -= kept.size
        self._marks.raise_to(kept.key[0], kept.number)
        if self._journal is not None:
            self._journal.forget(kept.key)

    def ring(self) -> None:
        """Forget what is too old."""
        now = time.monotonic()
        for kept in [each for each in self._large.values() if each.expired(now - self._config.patience)]:
            self._let_go(kept)
        while self._ended and (oldest := next(iter(self._ended.values()))).since <= now - self._age:
            self._forget(oldest)
        self._wake_when_due()

    @property
    def _age(self) -> float:
        return _AGES * self._config.patience

    def _wake_when_due(self) -> None:
        due = [next(iter(self._ended.values())).since + self._age] if self._ended else []
        due += [next(iter(self._large.values())).since + self._config.patience] if self._large else []
        if due:
            alarms_of(asyncio.get_running_loop()).set(self, min(due))

    # Callers

    def cancel(self, source: str, call_id: str) -> None:
        """A caller has given up a call, or all of its own where `call_id` is empty; harmless where there is none."""
        if call_id:
            given_up = [self._calls[source, call_id]] if (source, call_id) in self._calls else []
        else:
            given_up = [kept for kept in self._calls.values() if kept.key[0] == source]
        for kept in given_up:
            kept.cancel("its caller has given up")
            self._let_go(kept)

    def meet(self, source: str, incarnation: str) -> None:
        """A node has introduced itself: it wants no answers to the calls of its former starts."""
        if self._starts.get(source) == incarnation:
            return
        self._starts[source] = incarnation
        if len(self._starts) > _MOST_CALLERS:
            del self._starts[next(iter(self._starts))]
        own = [kept for kept in self._calls.values() if kept.key[0] == source]
        for kept in own:
            if kept.number.incarnation == incarnation:
                continue
            if kept.ended:
                self._forget(kept)
            else:
                kept.cancel("its caller was started anew")

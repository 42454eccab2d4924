"""How a fake answers one method."""

from __future__ import annotations

import contextlib
import functools
import inspect
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, ParamSpec, TypeAlias, TypeGuard, TypeVar, cast

from typing_extensions import override

from oiafed_rpc.codec.misfit import FieldError
from oiafed_rpc.context import CURRENT
from oiafed_rpc.errors import Code, RpcError
from oiafed_rpc.handlers import Handler
from oiafed_rpc.streams import asynchronous, close
from oiafed_rpc.testing.fakes.assertions import Assertions
from oiafed_rpc.testing.fakes.call import RecordedCall, wait_for_items
from oiafed_rpc.testing.fakes.gate import Gate
from oiafed_rpc.workers import WORKERS

P = ParamSpec("P")
C = TypeVar("C", bound=RecordedCall[Any])
R = TypeVar("R")

Failure: TypeAlias = Exception | type[Exception]
"""What `raise` takes."""


class Script(Assertions[P, C], Generic[P, C, R]):
    """How a fake answers one method, and the calls of it that it got.

    Answers for single calls come first; then what is scripted last holds. Calls for which nothing is scripted fail,
    unless the method returns nothing at all.

    Args:
        handler: The generated handler class that the fake implements.
        name: The method's Python name.
        call: Makes the record of a call.
        answered: The same again, for the type of the result, or of one item of it.
    """

    def __init__(
        self, handler: type[Handler], name: str, call: Callable[P, C], answered: Callable[..., RecordedCall[R]], /
    ) -> None:
        del answered
        super().__init__(next(spec for spec in handler.__methods__ if spec.attribute == name), call)
        self._gates: list[Gate] = []
        self._next: deque[Callable[[C], Any]] = deque()
        self._lasting: Callable[[C], Any] = self._unscripted

    def reset(self) -> None:
        """Forget all that was scripted, and all calls."""
        self.calls.clear()
        self._gates.clear()
        self._next.clear()
        self._lasting = self._unscripted

    def raises(self, error: Failure) -> None:
        """Fail every call, with an error that the schema declares, an `RpcError`, or any other exception."""
        self._lasting = self._failing(error)

    def waits_for(self, gate: Gate) -> None:
        """Hold up every call at a gate before it is answered."""
        self._gates.append(gate)

    def blocks(self) -> Gate:
        """Hold up every call at a new gate. What is scripted until that opens is the answer."""
        gate = Gate()
        self.waits_for(gate)
        return gate

    async def _answer(self) -> Callable[[C], Any]:
        """Choose what answers a call, when all gates are open."""
        for gate in tuple(self._gates):
            await gate.passed()
        return self._next.popleft() if self._next else self._lasting

    @abstractmethod
    def _failing(self, error: Failure) -> Callable[[C], Any]:
        """What answers calls by an error."""

    @abstractmethod
    def _unscripted(self, call: C) -> Any:
        """What answers calls where nothing is scripted."""

    def _no_answer(self, way: str) -> RpcError:
        message = CURRENT.get()
        where = f"the fake {self.spec.role}" + (f" on node {message.target!r}" if message else "")
        return RpcError(
            Code.UNIMPLEMENTED,
            f"{where} has no answer to call {len(self.calls)} of {self.spec.name!r}: script one with "
            f"fake.on.{self.spec.attribute}.{way}(...), .raises(...) or .does(...)",
            {"method": self.spec.title},
        )

    def _check(self, value: object) -> None:
        """See, as soon as it is scripted, whether a value can be an answer.

        Raises:
            TypeError: where it can't.
        """
        try:
            self.spec.response_codec.check(value)
        except FieldError as error:
            raise TypeError(f"{self.spec.title} cannot answer {value!r}: {error}") from None


class UnaryScript(Script[P, C, R]):
    """How a fake answers a method that returns one result, and the calls of it that it got.

    A request that is a stream is taken to its end before the result is returned.
    """

    def returns(self, result: R) -> None:
        """Answer every call with a result.

        Raises:
            TypeError: The method cannot return that.
        """
        self._lasting = self._giving(result)

    def returns_each(self, results: Iterable[R | Failure]) -> None:
        """Answer the next calls with one result each. An exception among them is raised.

        Raises:
            TypeError: The method cannot return one of them.
        """
        answers = [self._failing(each) if _is_failure(each) else self._giving(each) for each in results]
        self._next.extend(answers)

    def does(self, function: Callable[[C], R | Awaitable[R]]) -> None:
        """Answer every call with what a function of it returns.

        A coroutine function runs on the event loop, an ordinary one in a worker thread, as with handlers; that one
        when the whole of a streamed request has come.
        """

        async def answer(call: C) -> Any:
            if inspect.iscoroutinefunction(function):
                return await function(call)
            await wait_for_items(call)
            result = await WORKERS.run(functools.partial(function, call))
            return await result if inspect.isawaitable(result) else result

        self._lasting = answer

    async def answer(self, call: C) -> R:
        """Answer a call."""
        with self.recorded(call):
            answer = await self._answer()
            return cast("R", await answer(call))

    def _giving(self, result: object) -> Callable[[C], Any]:
        self._check(result)

        async def give(call: C) -> object:
            await wait_for_items(call)
            return result

        return give

    @override
    def _failing(self, error: Failure) -> Callable[[C], Any]:
        async def fail(_: C) -> None:
            raise error

        return fail

    @override
    async def _unscripted(self, call: C) -> None:
        try:
            self.spec.response_codec.check(None)
        except FieldError:
            raise self._no_answer("returns") from None
        await wait_for_items(call)


class StreamScript(Script[P, C, R]):
    """How a fake answers a method that returns a stream, and the calls of it that it got.

    A request that is a stream too is taken to its end after the last item is given.
    """

    def yields(self, *items: R | Failure | Gate) -> None:
        """Answer every call with these items. An exception among them ends the stream; a gate holds it up.

        Raises:
            TypeError: The method cannot give one of them.
        """
        self._lasting = self._giving(items)

    def yields_each(self, streams: Iterable[Iterable[R | Failure | Gate]]) -> None:
        """Answer the next calls with the items of one stream each, as for `yields`."""
        answers = [self._giving(tuple(items)) for items in streams]
        self._next.extend(answers)

    def does(self, function: Callable[[C], AsyncIterator[R] | Iterator[R]]) -> None:
        """Answer every call with what a generator function of it yields.

        An asynchronous one runs on the event loop, an ordinary one in worker threads, as with handlers; that one when
        the whole of a streamed request has come.
        """

        async def answer(call: C) -> AsyncGenerator[Any, None]:
            if not inspect.isasyncgenfunction(function):
                await wait_for_items(call)
            items = asynchronous(function(call))
            try:
                async for item in items:
                    yield item
            finally:
                await close(items)

        self._lasting = answer

    async def answer(self, call: C) -> AsyncGenerator[R, None]:
        """Answer a call."""
        with self.recorded(call):
            answer = await self._answer()
            async with contextlib.aclosing(answer(call)) as items:
                async for item in items:
                    yield item

    def _giving(self, items: tuple[Any, ...]) -> Callable[[C], Any]:
        for item in items:
            if not _is_failure(item) and not isinstance(item, Gate):
                self._check(item)

        async def give(call: C) -> AsyncGenerator[Any, None]:
            for item in items:
                if isinstance(item, Gate):
                    await item.passed()
                elif _is_failure(item):
                    raise item
                else:
                    yield item
            await wait_for_items(call)

        return give

    @override
    def _failing(self, error: Failure) -> Callable[[C], Any]:
        return self._giving((error,))

    @override
    async def _unscripted(self, call: C) -> AsyncGenerator[Any, None]:
        raise self._no_answer("yields")
        yield


def _is_failure(value: object) -> TypeGuard[Failure]:
    return isinstance(value, Exception) or (isinstance(value, type) and issubclass(value, Exception))

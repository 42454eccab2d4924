"""The calls that a fake got of one method, and assertions about them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, ParamSpec, TypeVar

from oiafed_rpc.method import Method
from oiafed_rpc.records import same_value
from oiafed_rpc.testing.fakes.call import Received, RecordedCall, arguments_of
from oiafed_rpc.testing.fakes.changes import Changes
from oiafed_rpc.testing.fakes.differences import differences
from oiafed_rpc.testing.fakes.narrowing import narrowed

P = ParamSpec("P")
C = TypeVar("C", bound=RecordedCall[Any])


class Assertions(Generic[P, C]):
    """The calls of one method.

    Arguments are equal by value, arrays to the bit and the dtype; so are those that a serializer has narrowed, as a
    `float` of 32 bits.

    Args:
        spec: The method.
        call: Makes the record of a call.

    Attributes:
        spec: The method.
        calls: The calls so far, in the order in which they came.
    """

    def __init__(self, spec: Method[Any], call: Callable[P, C]) -> None:
        self.spec = spec
        self.calls: list[C] = []
        self._under_way: list[C] = []
        self._call = call
        self._changes = Changes()

    @contextlib.contextmanager
    def recorded(self, call: C) -> Generator[None]:
        """Note a call, until it is answered."""
        self.calls.append(call)
        self._under_way.append(call)
        self._changes.notify()
        try:
            yield
        finally:
            self._under_way = [each for each in self._under_way if each is not call]
            self._changes.notify()

    @property
    def under_way(self) -> list[C]:
        """The calls that are being answered now."""
        return list(self._under_way)

    async def until_idle(self, timeout: float) -> bool:
        """Wait until no call is being answered, at most so many seconds; whether that is so."""
        return await self._changes.until(lambda: not self._under_way, timeout)

    def wait_until_idle(self, timeout: float) -> bool:
        """`until_idle` for code without `await`."""
        return self._changes.wait_until(lambda: not self._under_way, timeout)

    async def until_called(self, count: int = 1, timeout: float = 10.0) -> C:
        """Wait until so many calls have come, whether they are answered or not.

        Args:
            count: How many.
            timeout: Seconds after which the test has failed.

        Returns:
            The last of so many.

        Raises:
            TimeoutError: They did not come.
        """
        if not await self._changes.until(lambda: len(self.calls) >= count, timeout):
            raise self._too_few(count, timeout)
        return self.calls[count - 1]

    def wait_until_called(self, count: int = 1, timeout: float = 10.0) -> C:
        """`until_called` for code without `await`."""
        if not self._changes.wait_until(lambda: len(self.calls) >= count, timeout):
            raise self._too_few(count, timeout)
        return self.calls[count - 1]

    def _too_few(self, count: int, timeout: float) -> TimeoutError:
        return TimeoutError(f"{self.spec.title} was called {_times(len(self.calls))} of {count} in {timeout:g} s")

    def assert_not_called(self) -> None:
        """See that no call has come."""
        self.assert_called(times=0)

    def assert_called(self, *, times: int | None = None) -> None:
        """See that there was a call, or exactly so many."""
        count = len(self.calls)
        if count != times if times is not None else not count:
            wanted = "" if times is None else f", not {_times(times)}"
            raise AssertionError("\n  ".join((f"{self.spec.title} was called {_times(count)}{wanted}", *self._told())))

    def assert_called_once_with(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """See that there was one call, with these arguments."""
        self.assert_called(times=1)
        self._assert_same(self._expected(*args, **kwargs), self.calls[0], "was called with other arguments")

    def assert_last_called_with(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """See that the last call had these arguments."""
        self.assert_called()
        self._assert_same(self._expected(*args, **kwargs), self.calls[-1], "was called last with other arguments")

    def assert_any_call(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """See that at least one call had these arguments."""
        self.assert_called()
        expected = self._expected(*args, **kwargs)
        closest = min((list(self._differences(expected, call)) for call in self.calls), key=len)
        if closest:
            raise self._other(f"was never called with these arguments, in {_times(len(self.calls))}; closest", closest)

    def _expected(self, *args: P.args, **kwargs: P.kwargs) -> C:
        call = self._call(*args, **kwargs)
        for value in arguments_of(call).values():
            if isinstance(value, Received):
                value.fill()
        return call

    def _assert_same(self, expected: C, actual: C, what: str) -> None:
        found = list(self._differences(expected, actual))
        if found:
            raise self._other(what, found)

    def _other(self, what: str, found: list[str]) -> AssertionError:
        return AssertionError("\n  ".join((f"{self.spec.title} {what}:", *found)))

    def _differences(self, expected: C, actual: C) -> Iterator[str]:
        came, wanted = arguments_of(actual), arguments_of(expected)
        arrived = narrowed(self.spec, wanted)
        for name, value in wanted.items():
            if not same_value(arrived[name], came[name]):
                yield from differences(value, came[name], name)

    def _told(self) -> list[str]:
        return [repr(call) for call in self.calls]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
